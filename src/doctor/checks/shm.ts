/** /dev/shm: NCCL, PyTorch and Ray exchange through it, and a container gets 64 MiB unless asked. */
import type { Facts } from '../facts.ts';
import { type Finding, mib, sayAs, some } from '../finding.ts';

const say = sayAs('shm');
const MIB = 1024 * 1024;
/** What a container runtime gives when nobody asks. */
const DEFAULT_BYTES = 64 * MIB;
const LITTLE_FREE_BYTES = 32 * MIB;

const MORE =
  'Kubernetes: volumes: [{name: shm, emptyDir: {medium: Memory, sizeLimit: 3Gi}}] and volumeMounts: [{name: shm, mountPath: /dev/shm}]; ' +
  'it counts against the memory limit. Docker: --shm-size=3g.';

type Input = Pick<Facts, 'needs' | 'shm'>;

export function checkShm({ needs, shm }: Input): Finding[] {
  const used = needs.shardsHere > 1 || needs.engine === 'ray';
  const loud = used ? say.fail : say.note;
  if (!shm) return [loud({ subject: '/dev/shm', value: null, wanted: 'a tmpfs', next: MORE })];
  if (!shm.writable) {
    const next = 'Mount it writable for this user: an emptyDir with medium: Memory.';
    return [loud({ subject: '/dev/shm', value: 'may not be written by this user', wanted: 'writable', next })];
  }
  return [size(shm, used, needs), ...kind(shm, used), ...stale(shm)];
}

function size(shm: NonNullable<Input['shm']>, used: boolean, needs: Input['needs']): Finding {
  const said = { subject: '/dev/shm size', value: mib(shm.sizeBytes), unit: 'MiB' };
  const who = needs.engine === 'ray' ? "Ray's object store" : `${needs.shardsHere} shards of this member`;
  const wanted = `more than ${mib(DEFAULT_BYTES)} MiB for ${who}`;
  if (used && shm.sizeBytes <= DEFAULT_BYTES) return say.warn({ ...said, wanted, next: MORE });
  if (used && shm.freeBytes < LITTLE_FREE_BYTES) {
    const free = { subject: '/dev/shm free', value: mib(shm.freeBytes), unit: 'MiB' };
    return say.warn({
      ...free,
      wanted: `${mib(LITTLE_FREE_BYTES)} MiB`,
      next: 'See what fills it: ls -la /dev/shm; or make it larger.',
    });
  }
  return say.ok({ ...said, wanted: used ? wanted : '' });
}

function kind({ type }: NonNullable<Input['shm']>, used: boolean): Finding[] {
  if (!used || type === 'tmpfs') return [];
  const value = type ?? 'no mount of its own';
  return [
    say.warn({ subject: '/dev/shm file system', value, wanted: 'tmpfs: shared memory on a disk is slow', next: MORE }),
  ];
}

/** An emptyDir outlives the container: what a killed server left stays until the pod goes. */
function stale({ stale: segments = [], sizeBytes }: NonNullable<Input['shm']>): Finding[] {
  if (segments.length === 0) return [];
  const bytes = segments.reduce((sum, each) => sum + each.bytes, 0);
  const names = some(segments.map(({ name }) => name));
  const level = bytes > sizeBytes / 10 ? say.warn : say.note;
  return [
    level({
      subject: 'segments in /dev/shm that no process has mapped',
      value: mib(bytes),
      unit: 'MiB',
      next: `${names}: remove them, if no other container shares this /dev/shm.`,
    }),
  ];
}
