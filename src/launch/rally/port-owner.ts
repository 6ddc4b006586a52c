/** Who listens on a port of this machine, as far as /proc shows it to us. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortOwner {
  readonly pid: number;
  /** The program's short name. */
  readonly name: string;
}

/** Undefined when nobody listens, or the listener belongs to another user or another pid namespace. */
export function portOwner(port: number, proc = '/proc'): PortOwner | undefined {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listenerInodes(readText(`${proc}/net/${table}`), port)));
  if (inodes.size === 0) return undefined;
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const pid = entries(proc).find((name) => /^\d+$/.test(name) && holdsOne(`${proc}/${name}/fd`, wanted));
  return pid === undefined ? undefined : { pid: Number(pid), name: readText(`${proc}/${pid}/comm`).trim() };
}

/** Socket inodes in state LISTEN (0A) on `port`, from the text of /proc/net/tcp or tcp6. Pure. */
export function listenerInodes(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${hex}`))
    .flatMap((columns) => columns[9] ?? []);
}

const holdsOne = (dir: string, wanted: ReadonlySet<string>): boolean =>
  entries(dir).some((fd) => {
    try {
      return wanted.has(readlinkSync(`${dir}/${fd}`));
    } catch {
      return false; // closed meanwhile
    }
  });

function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // another user's process, or gone meanwhile
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
