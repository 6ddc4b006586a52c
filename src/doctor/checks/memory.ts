/** The memory and CPUs that the cgroup allows, beside what the model needs. */
import type { Facts } from '../facts.ts';
import { type Finding, mib, sayAs } from '../finding.ts';

const say = sayAs('memory');
/** Ray, muster and the demo server with one shard took 0.4 GiB (docs/doctor.md); a server that imports PyTorch takes more. */
const LITTLE_BYTES = 1024 * 1024 * 1024;
const FEW_CPUS = 2;

type Input = Pick<Facts, 'cgroup' | 'model' | 'needs'>;

export const checkMemory = (input: Input): Finding[] => [...memory(input), ...cpus(input.cgroup)];

function memory({ cgroup, model, needs }: Input): Finding[] {
  const { memoryLimitBytes: limit, memoryUsedBytes: used, version } = cgroup;
  if (limit === undefined) return [say.ok({ subject: 'memory limit', value: 'none' })];
  const said = { subject: `memory limit (cgroup v${version})`, value: mib(limit), unit: 'MiB' };
  const share =
    model === undefined ? 0 : Math.round((model.weightBytes * needs.shardsHere) / Math.max(1, needs.shards));
  if (needs.kind === 'cpu' && share > limit) {
    const next = `Raise resources.limits.memory above ${mib(share)} MiB, or spread the model over more members.`;
    return [say.fail({ ...said, wanted: `more than ${mib(share)} MiB: this member's share of the weights`, next })];
  }
  if (needs.kind === 'gpu' && share > limit) {
    const next =
      'Weights are read through the page cache, which the limit bounds too: loading will be slower, not fail.';
    return [say.note({ ...said, wanted: `${mib(share)} MiB, this member's share of the weights`, next })];
  }
  if (limit < LITTLE_BYTES && needs.engine !== undefined && needs.engine !== 'none') {
    const next = 'Raise resources.limits.memory: Ray and the smallest server alone take 400 MiB.';
    return [say.warn({ ...said, wanted: `at least ${mib(LITTLE_BYTES)} MiB`, next })];
  }
  return [say.ok({ ...said, wanted: used === undefined ? '' : `${mib(used)} MiB are used` })];
}

function cpus({ cpuQuota }: Facts['cgroup']): Finding[] {
  if (cpuQuota === undefined) return [say.ok({ subject: 'CPU quota', value: 'none' })];
  const said = { subject: 'CPU quota', value: Math.round(cpuQuota * 10) / 10, unit: 'CPUs' };
  const next = 'Raise resources.limits.cpu, or set none: a throttled process misses beats and answers probes late.';
  return [cpuQuota < FEW_CPUS ? say.warn({ ...said, wanted: `at least ${FEW_CPUS} CPUs`, next }) : say.ok(said)];
}
