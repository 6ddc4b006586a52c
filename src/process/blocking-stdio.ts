/**
 * Gives stdin, stdout and stderr back as blocking, as a program expects to find them.
 *
 * Node sets a pipe to O_NONBLOCK when `process.stdout` and friends are first looked at (importing execa looks at all
 * three), and the flag outlives execve: the successor's writes then fail with EAGAIN (Python wrote 62 KB of 1 MB).
 * Looking would do the damage this file repairs, so the kernel is asked first: only a descriptor that is O_NONBLOCK
 * already is looked at, and there a look changes nothing.
 */
import { constants, readFileSync } from 'node:fs';

/** The part of a libuv stream handle we need: undocumented, and the only fcntl(F_SETFL) Node has. */
interface Stdio {
  readonly _handle?: { setBlocking?(blocking: boolean): number };
}

const STREAMS: readonly (() => Stdio)[] = [
  () => process.stdin as Stdio,
  () => process.stdout as Stdio,
  () => process.stderr as Stdio,
];

/** @returns the descriptors (0-2) that are still O_NONBLOCK afterwards */
export function makeStdioBlocking(): readonly number[] {
  return STREAMS.flatMap((stream, fd) => {
    if (!isNonBlocking(fd)) return [];
    try {
      stream()._handle?.setBlocking?.(true);
    } catch {
      // A closed or exotic descriptor: the check below tells.
    }
    return isNonBlocking(fd) ? [fd] : [];
  });
}

/** False for a closed descriptor. */
export function isNonBlocking(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & constants.O_NONBLOCK) !== 0;
  } catch {
    return false;
  }
}
