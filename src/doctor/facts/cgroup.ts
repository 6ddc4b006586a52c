/** What the cgroups of this process allow, v1 and v2. The tightest of all levels counts: a parent binds its children. */
import { dirname } from 'node:path/posix';
import { textAt } from './files.ts';

export interface CgroupFacts {
  readonly version: 1 | 2 | undefined;
  /** Undefined: no limit, or none that can be seen. */
  readonly memoryLimitBytes: number | undefined;
  /** Page cache included: it is given back when memory is short. */
  readonly memoryUsedBytes: number | undefined;
  /** CPUs, e.g. 2.5. */
  readonly cpuQuota: number | undefined;
  readonly pidsLimit: number | undefined;
  readonly pidsUsed: number | undefined;
}

const V2_MOUNT = '/sys/fs/cgroup';

export function lookAtCgroup(root: string): CgroupFacts {
  const paths = cgroupPaths(textAt(root, '/proc/self/cgroup') ?? '');
  const unified = paths.get('');
  if (textAt(root, `${V2_MOUNT}/cgroup.controllers`) !== undefined && unified !== undefined) return v2(root, unified);
  const v1Paths = ['memory', 'cpu', 'pids'].some((controller) => paths.has(controller));
  return v1Paths ? v1(root, paths) : NOTHING;
}

const NOTHING: CgroupFacts = {
  version: undefined,
  memoryLimitBytes: undefined,
  memoryUsedBytes: undefined,
  cpuQuota: undefined,
  pidsLimit: undefined,
  pidsUsed: undefined,
};

/** Controller to path, from the text of /proc/self/cgroup (cgroups(7)); the empty name is the unified hierarchy. Pure. */
export function cgroupPaths(text: string): ReadonlyMap<string, string> {
  const entries = text.split('\n').flatMap((line) => {
    const [, controllers, ...rest] = line.split(':');
    return controllers === undefined ? [] : controllers.split(',').map((name) => [name, rest.join(':')] as const);
  });
  return new Map(entries);
}

/** The file in the group and in each one above it, innermost first; in a container the inner ones may not be mounted. */
function levels(root: string, mount: string, group: string, file: string): string[] {
  const found: string[] = [];
  for (let at = group; ; at = dirname(at)) {
    const text = textAt(root, `${mount}/${at}/${file}`)?.trim();
    if (text) found.push(text);
    if (at === '/' || at === '.') return found;
  }
}

function v2(root: string, group: string): CgroupFacts {
  const read = (file: string) => levels(root, V2_MOUNT, group, file);
  return {
    version: 2,
    memoryLimitBytes: tightest(read('memory.max').map(Number)),
    memoryUsedBytes: number(read('memory.current')[0]),
    cpuQuota: tightest(read('cpu.max').map(ratio)),
    pidsLimit: tightest(read('pids.max').map(Number)),
    pidsUsed: number(read('pids.current')[0]),
  };
}

/** v1 says "no limit" with a number near 2^63. */
const V1_UNLIMITED = 2 ** 60;

function v1(root: string, paths: ReadonlyMap<string, string>): CgroupFacts {
  const read = (controller: string, file: string) =>
    levels(root, `${V2_MOUNT}/${controller}`, paths.get(controller) ?? '/', file);
  const quotas = read('cpu', 'cpu.cfs_quota_us').map(Number);
  const periods = read('cpu', 'cpu.cfs_period_us').map(Number);
  return {
    version: 1,
    memoryLimitBytes: tightest(
      read('memory', 'memory.limit_in_bytes')
        .map(Number)
        .filter((each) => each < V1_UNLIMITED),
    ),
    memoryUsedBytes: number(read('memory', 'memory.usage_in_bytes')[0]),
    cpuQuota: tightest(quotas.map((quota, at) => (quota > 0 ? quota / (periods[at] ?? Number.NaN) : Number.NaN))),
    pidsLimit: tightest(read('pids', 'pids.max').map(Number)),
    pidsUsed: number(read('pids', 'pids.current')[0]),
  };
}

/** `max` reads as NaN, which is no limit. */
function tightest(limits: readonly number[]): number | undefined {
  const real = limits.filter(Number.isFinite);
  return real.length > 0 ? Math.min(...real) : undefined;
}

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** `200000 100000`: microseconds of each period. */
function ratio(text: string): number {
  const [quota, period] = text.split(' ').map(Number);
  return (quota ?? Number.NaN) / (period ?? Number.NaN);
}
