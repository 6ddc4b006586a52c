/** Files of the machine below a root: `/` on a real one, a fixture tree in a test. What is not there, or not ours, reads as absent. */
import { accessSync, closeSync, constants, openSync, readdirSync, readSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** Files of /proc have no size: read to this many bytes. */
const MAX_BYTES = 1024 * 1024;
/** Less than what Buffer shares out of its pool. */
const CHUNK_BYTES = 4000;
const MAX_NAMES = 20_000;

/** @returns at most 1 MiB of the file; undefined when it cannot be read */
export function textAt(root: string, path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(join(root, path), 'r');
    const chunks: Buffer[] = [];
    for (let size = 0; size < MAX_BYTES; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const more = readSync(fd, chunk, 0, CHUNK_BYTES, null);
      if (more === 0) break;
      chunks.push(chunk.subarray(0, more));
      size += more;
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Sorted; empty when the directory is not there. */
export function namesAt(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).sort().slice(0, MAX_NAMES);
  } catch {
    return [];
  }
}

const NEEDED = {
  read: constants.R_OK,
  /** Of a device. */
  'read and write': constants.R_OK | constants.W_OK,
  /** New files in a directory. */
  create: constants.W_OK | constants.X_OK,
} as const;

/** Whether the kernel would let this user; a read-only file system lets nobody create. */
export function lets(path: string, what: keyof typeof NEEDED): boolean {
  try {
    accessSync(path, NEEDED[what]);
    return true;
  } catch {
    return false;
  }
}

export interface Disk {
  readonly sizeBytes: number;
  /** For us: what is kept for root is not free. */
  readonly freeBytes: number;
}

export function diskAt(root: string, path: string): Disk | undefined {
  try {
    const { bsize, blocks, bavail } = statfsSync(join(root, path));
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return undefined;
  }
}

export interface Mount {
  readonly at: string;
  readonly type: string;
  readonly readOnly: boolean;
}

/** Mounts of this process, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Pure. */
export function mountsIn(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , , at, options] = left.split(' ');
    const [type] = right.split(' ');
    if (at === undefined || !type) return [];
    return [{ at: unescaped(at), type, readOnly: (options ?? '').split(',').includes('ro') }];
  });
}

/** Spaces and the like are octal there: `\040`. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mount that holds `path`: the longest, and of two at one place the later. Pure. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const above = mounts.filter(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`));
  return above.reduce<Mount | undefined>(
    (best, each) => (best && best.at.length > each.at.length ? best : each),
    undefined,
  );
}
