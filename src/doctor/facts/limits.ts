/** Resource limits of this process, which everything it starts inherits. */
import { textAt } from './files.ts';

export interface LimitFacts {
  /** Hard limits: Node raises the soft limit of files to the hard one at its start. Infinity: none; undefined: not seen. */
  readonly files: number | undefined;
  readonly lockedBytes: number | undefined;
  readonly processes: number | undefined;
}

export const lookAtLimits = (root: string): LimitFacts => limitsIn(textAt(root, '/proc/self/limits') ?? '');

/** From the text of /proc/self/limits (proc_pid_limits(5)). Pure. */
export function limitsIn(text: string): LimitFacts {
  const hard = (name: string): number | undefined => {
    const value = new RegExp(`^${name} +\\S+ +(\\S+)`, 'm').exec(text)?.[1];
    if (value === undefined) return undefined;
    return value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value);
  };
  return { files: hard('Max open files'), lockedBytes: hard('Max locked memory'), processes: hard('Max processes') };
}
