/** Limits that everything started here inherits. */
import type { Facts } from '../facts.ts';
import { type Finding, mib, sayAs } from '../finding.ts';

const say = sayAs('limits');
/** Ray opens sockets between all its processes, and servers one or two a client: KubeRay asks for 65536. */
const FILES = 65_536;
const FEW_FILES = 8_192;
/** Ray, muster and the demo server had 165 threads with one shard on two cores; pools grow with cores and shards. */
const PROCESSES = 1_024;

export function checkLimits({
  limits,
  cgroup,
  devices,
  needs,
}: Pick<Facts, 'limits' | 'cgroup' | 'devices' | 'needs'>): Finding[] {
  return [...files(limits), ...locked(limits, devices, needs), ...processes(limits, cgroup)];
}

/** Pure, without the cgroup: what a launch can afford to ask. */
export function files({ files: hard }: Facts['limits']): Finding[] {
  if (hard === undefined) return [];
  const said = { subject: 'open files (nofile, hard)', value: shown(hard), wanted: `${FILES}` };
  const next = `Raise it: Docker --ulimit nofile=${FILES}, containerd LimitNOFILE in its unit. muster raises the soft limit to the hard one by itself.`;
  if (hard < FEW_FILES) return [say.warn({ ...said, next })];
  return [hard < FILES ? say.note({ ...said, next }) : say.ok(said)];
}

/** RDMA registers its buffers, and a buffer that is registered is locked. */
export function locked(
  { lockedBytes }: Facts['limits'],
  { rdma }: Pick<Facts['devices'], 'rdma'>,
  needs: Facts['needs'],
): Finding[] {
  if (lockedBytes === undefined) return [];
  const value = Number.isFinite(lockedBytes) ? mib(lockedBytes) : 'unlimited';
  const said = { subject: 'locked memory (memlock, hard)', value, unit: Number.isFinite(lockedBytes) ? 'MiB' : '' };
  if (!rdma || needs.worldSize === 1 || value === 'unlimited') return [say.ok(said)];
  const next = 'Docker --ulimit memlock=-1, containerd LimitMEMLOCK=infinity, or the capability IPC_LOCK.';
  return [say.warn({ ...said, wanted: 'unlimited: /dev/infiniband is there, and RDMA locks its buffers', next })];
}

function processes(
  { processes: hard = Number.POSITIVE_INFINITY }: Facts['limits'],
  { pidsLimit, pidsUsed = 0 }: Facts['cgroup'],
): Finding[] {
  const ofGroup = pidsLimit === undefined ? Number.POSITIVE_INFINITY : pidsLimit - pidsUsed;
  const left = Math.min(hard, ofGroup);
  const subject =
    ofGroup < hard ? `processes and threads left (pids.max ${pidsLimit})` : 'processes and threads (nproc, hard)';
  const said = { subject, value: shown(left), wanted: `at least ${PROCESSES}` };
  const next = 'Raise podPidsLimit of the kubelet (Docker: --pids-limit), or nproc.';
  return [left < PROCESSES ? say.warn({ ...said, next }) : say.ok(said)];
}

const shown = (limit: number): number | string => (Number.isFinite(limit) ? limit : 'unlimited');
