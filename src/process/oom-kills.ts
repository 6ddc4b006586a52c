/**
 * Whom the kernel has killed for want of memory. A SIGKILL does not say who sent it, and the victim often is a worker of
 * the server, whose end the server tells as a status of its own: the counter of the cgroup is the only witness.
 *
 * It is raised before the victim gets its signal (mm/oom_kill.c), so whoever sees the death sees the count.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OomKills {
  /** Processes of this cgroup killed since it was made. */
  readonly count: number;
  /** Where that stands. */
  readonly file: string;
}

export interface Places {
  /** Where the cgroup file systems are mounted. */
  readonly mount: string;
  /** cgroups(7): one line for each hierarchy we are in. */
  readonly membership: string;
}

const HERE: Places = { mount: '/sys/fs/cgroup', membership: '/proc/self/cgroup' };

/** Undefined where no such counter can be read: no cgroups, a kernel before 4.13, a hidden /sys. */
export function oomKills({ mount, membership }: Places = HERE): OomKills | undefined {
  for (const file of candidates(mount, readOrNothing(membership) ?? '')) {
    const [, count] = /^oom_kill (\d+)$/m.exec(readOrNothing(file) ?? '') ?? [];
    if (count !== undefined) return { count: Number(count), file };
  }
  return undefined;
}

/** Version 2, then 1; each by the path we are told, and at its top, where a container sees its own cgroup mounted. */
function candidates(mount: string, membership: string): readonly string[] {
  const path = (line: RegExp) => [line.exec(membership)?.[1] ?? '/', '/'];
  return [
    ...path(/^0::(.*)$/m).map((own) => join(mount, own, 'memory.events')),
    ...path(/^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m).map((own) =>
      join(mount, 'memory', own, 'memory.oom_control'),
    ),
  ];
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
