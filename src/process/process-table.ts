/**
 * The processes of this PID namespace, read from /proc (proc_pid_stat(5)). Zombies are no processes here: they run
 * nothing, hold nothing but a number, and only their parent can end them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { printable } from '../printable.ts';

/** One life of one process: a PID may come again, a PID with the same start time may not. */
export interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly started: number;
}

/** A process as a person should see it. */
export interface Named {
  readonly pid: number;
  /** Its words, control characters escaped, at most 200 characters. */
  readonly command: string;
}

/** Entries read before other work of this process may run: some 2 ms. */
const BATCH = 100;
const MAX_COMMAND_CHARS = 200;

/** @returns the process, or nothing if it is gone, a zombie, or hidden from us */
export function readEntry(pid: number): Entry | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`)?.toString('latin1');
  if (stat === undefined) return undefined;
  // The name, in parentheses, may hold spaces and parentheses itself: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent, group, session] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), started: Number(fields[19]) };
}

/** Every process but this one, in batches that leave room for other work. */
export async function readTable(): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  for (const [index, pid] of pids.entries()) {
    if (index % BATCH === BATCH - 1) await nextTurn();
    const entry = pid === process.pid ? undefined : readEntry(pid);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** Is it the same life, and not just the same number? */
export const isAlive = ({ pid, started }: Entry): boolean => readEntry(pid)?.started === started;

/** Does the environment it was started with hold exactly `name=value`? False for what we may not read. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  const environ = readOrNothing(`/proc/${pid}/environ`);
  if (environ === undefined) return false;
  const wanted = Buffer.from(`\0${name}=${value}\0`);
  return environ.indexOf(wanted) >= 0 || environ.indexOf(wanted.subarray(1)) === 0;
}

export function nameOf({ pid }: Entry): Named {
  const words = readOrNothing(`/proc/${pid}/cmdline`)?.toString('utf8').replace(/\0+$/, '').replaceAll('\0', ' ');
  const name = words || readOrNothing(`/proc/${pid}/comm`)?.toString('utf8').trim() || '?';
  return { pid, command: printable(name.slice(0, MAX_COMMAND_CHARS)).slice(0, MAX_COMMAND_CHARS) };
}

/** Signals this very life of the process; one that is gone, or not ours to signal, is left alone. */
export function signalEntry(entry: Entry, name: NodeJS.Signals): void {
  if (!isAlive(entry)) return;
  try {
    process.kill(entry.pid, name);
  } catch {
    // ESRCH: it went in between. EPERM: it changed its user; whoever waits for it to go will say so.
  }
}

function readOrNothing(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
