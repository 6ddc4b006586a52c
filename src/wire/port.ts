/**
 * Is a port free, and if not, whose is it?
 *
 * Asked before Ray starts: `ray start --head` needs 41 s to say that its port is taken, a bind needs a millisecond.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

export interface PortOwner {
  readonly pid: number;
  /** The command line, at most 200 characters. */
  readonly command: string;
}

export interface PortTaken {
  readonly why: 'in-use' | 'address-unavailable' | 'not-permitted';
  /** Absent when it is in another pid namespace or belongs to a user whose files we may not see. */
  readonly owner?: PortOwner;
}

/**
 * Binds `port` for a moment. Ray binds all interfaces whatever it is told, so ask for `::` or `0.0.0.0` there.
 *
 * @throws any error of bind(2) that says nothing about the port, e.g. EMFILE
 */
export function portFree(host: string, port: number): Promise<true | PortTaken> {
  const { promise, resolve, reject } = Promise.withResolvers<true | PortTaken>();
  const server = createServer();
  server.once('error', (error: NodeJS.ErrnoException) => {
    const why = REASONS[error.code ?? ''];
    if (!why) return reject(error);
    const owner = why === 'in-use' ? ownerOf(port) : undefined;
    resolve(owner ? { why, owner } : { why });
  });
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}

const REASONS: Readonly<Record<string, PortTaken['why']>> = {
  EADDRINUSE: 'in-use',
  EADDRNOTAVAIL: 'address-unavailable',
  EAFNOSUPPORT: 'address-unavailable',
  EINVAL: 'address-unavailable',
  EACCES: 'not-permitted',
};

/** The process that listens on `port` on any address; Linux only. `proc` is where procfs is mounted. */
export function ownerOf(port: number, proc = '/proc'): PortOwner | undefined {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(read(`${proc}/net/${table}`), port)));
  if (inodes.size === 0) return undefined;
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const pid of list(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    if (!list(`${proc}/${pid}/fd`).some((fd) => links.has(link(`${proc}/${pid}/fd/${fd}`)))) continue;
    const command = read(`${proc}/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return { pid: Number(pid), command: command.slice(0, 200) };
  }
  return undefined;
}

/** For messages: `is taken by process 7: python3 -m http.server`. */
export const takenBy = (owner: PortOwner | undefined): string =>
  `is taken by ${owner ? `process ${owner.pid}: ${owner.command}` : 'a process that cannot be seen from here'}`;

/** Inodes of the LISTEN sockets on `port` in the text of /proc/net/tcp or tcp6 (proc_pid_net(5)). Pure. */
export function listeningInodes(table: string, port: number): string[] {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((column) => column[3] === LISTEN && column[1]?.endsWith(hexPort))
    .flatMap((column) => column[9] ?? []);
}

const LISTEN = '0A';

// Processes come and go, and some are not ours to see: each reads as empty.
const quietly = <T>(look: () => T, otherwise: T): T => {
  try {
    return look();
  } catch {
    return otherwise;
  }
};
const read = (path: string) => quietly(() => readFileSync(path, 'utf8'), '');
const list = (path: string) => quietly(() => readdirSync(path), []);
const link = (path: string) => quietly(() => readlinkSync(path), '');
