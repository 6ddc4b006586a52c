/**
 * Which of several ends is the cause of the others. Pure.
 *
 * Where the server of one rank goes, those of the others go with it, within milliseconds; and the news may come in any
 * order, for the kernel closes a process's connections before it tells its parent (do_exit: exit_files, exit_notify).
 */
import type { Ending } from './rally.ts';

/** One end that was told of, and whose it is. */
export interface Suspect {
  readonly rank: number;
  readonly ending: Ending;
}

/** How long the head waits for a better reason after one that may be a consequence. Milliseconds. */
export const SETTLE_MS = 100;

/** A server that was killed, or has crashed, has its own reason; one that ended with a status may have lost another rank. */
export const mayFollow = ({ code, exitStatus }: Ending): boolean =>
  code === 'ENGINE_LOST' || (code === 'SERVER_EXITED' && exitStatus <= LAST_STATUS);

/** Above it a status says which signal ended the process. */
const LAST_STATUS = 128;

/** By a signal before by a status, then rank 0, on which all others hang, then whoever was first. */
export const causeOf = (suspects: readonly [Suspect, ...Suspect[]]): Suspect =>
  suspects.find(({ ending }) => !mayFollow(ending)) ?? suspects.find(({ rank }) => rank === 0) ?? suspects[0];
