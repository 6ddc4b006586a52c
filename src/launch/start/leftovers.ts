/**
 * What dead processes have left and may be removed before a generation starts: shared memory and Ray's session
 * directories. Pure; `sweep.ts` looks and removes.
 *
 * NCCL and Python name their segments so that nobody takes the same; they do not block a start, but /dev/shm fills up, and
 * in Kubernetes an emptyDir keeps them across restarts of the container until a start fails for want of memory.
 */

/** NCCL, Python's shared_memory, PyTorch's file_system sharing, Triton's Python backend. */
const KNOWN = /^(nccl-|psm_|torch_|triton_python_backend_shm_region_)[\w-]+$/;
export const isSegment = (name: string): boolean => KNOWN.test(name);

/** A file in /dev/shm, or a session directory of Ray. */
export interface Leftover {
  readonly name: string;
  readonly bytes: number;
  readonly uid: number;
  /** Wall clock, milliseconds. */
  readonly changedAt: number;
}

export interface Sweep {
  readonly uid: number;
  /** Names that a living process has mapped or open; undefined: not all could be looked at, so all may be in use. */
  readonly held: ReadonlySet<string> | undefined;
  /** Only what was changed before: the start of this process, or now once a former generation of ours is verified gone. */
  readonly before: number;
}

/** Ours, older than our start or of our former generation, and nobody's. */
export const mayGo = (found: readonly Leftover[], { uid, held, before }: Sweep): readonly Leftover[] =>
  held === undefined ? [] : found.filter((each) => each.uid === uid && each.changedAt < before && !held.has(each.name));

/** All but the newest, whose logs say why it ended. */
export const olderSessions = (sessions: readonly Leftover[]): readonly Leftover[] =>
  [...sessions].sort((a, b) => b.changedAt - a.changedAt).slice(1);

/** `3 files of 12.1 MiB: nccl-a1 (9.6 MiB), …`. @param what one of them */
export function inWords(what: string, swept: readonly Leftover[]): string {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const shown = swept.slice(0, SHOWN).map(({ name, bytes }) => `${name} (${mib(bytes)})`);
  const all = swept.reduce((sum, { bytes }) => sum + bytes, 0);
  return `${swept.length} ${what}${swept.length === 1 ? '' : 's'} of ${mib(all)}: ${[...shown, ...(swept.length > SHOWN ? ['…'] : [])].join(', ')}`;
}

const SHOWN = 8;
