/**
 * Which session directories of Ray are ours. Each start makes one, with sockets and logs, and nobody removes them; a file
 * of ours inside says whose it was, also after a restart of the container.
 */
import { lstatSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Below it are the sessions and their logs; `--temp-dir` or /tmp/ray. */
export const rayTempOf = (rayArgs: readonly string[]): string =>
  rayArgs.findLast((arg) => arg.startsWith('--temp-dir='))?.slice('--temp-dir='.length) ?? '/tmp/ray';

const markIn = (session: string, member: string): string => join(session, `muster-${encodeURIComponent(member)}`);

/**
 * Marks the newest session, if it was made since our start: an older one is another cluster's that runs here, or the head's
 * on the same machine. Never throws: a session without a mark is left for ever, no more.
 *
 * @param since wall clock, milliseconds
 */
export function markSession(rayTemp: string, member: string, since: number): void {
  try {
    const session = realpathSync(join(rayTemp, 'session_latest'));
    if (lstatSync(session).birthtimeMs >= since) writeFileSync(markIn(session, member), '', { flag: 'wx' });
  } catch {
    // Not there, not ours, or marked already.
  }
}

export function isMarked(session: string, member: string): boolean {
  try {
    return lstatSync(markIn(session, member)).isFile();
  } catch {
    return false;
  }
}
