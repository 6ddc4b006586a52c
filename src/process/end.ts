/**
 * Ends processes and makes sure of it: SIGTERM, a time to say goodbye, SIGKILL, and a look whether they are gone. Each
 * process gets one SIGTERM only: many servers take a second one as "drop everything".
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError } from '../errors.ts';
import { type Entry, isAlive, type Named, nameOf, signalEntry } from './process-table.ts';

/** Milliseconds SIGKILL may take. Freeing a GPU's memory takes seconds; past this a process hangs in the kernel. */
const KILL_WAIT_MS = 10_000;
/** Milliseconds between two SIGKILLs to whatever is left, and between two looks whether anything is. */
const KILL_AGAIN_MS = 500;
const LOOK_MS = 10;

/** Who is to go. Asked again until it answers nobody; `known` is everyone it has named so far. */
export type Find = (known: readonly Entry[]) => Promise<readonly Entry[]>;

/**
 * @param find     names the living only, newcomers too
 * @param graceMs  milliseconds between SIGTERM and SIGKILL; 0 leaves no time at all
 * @returns        everyone who was signalled, as they were called then
 * @throws MusterError  SERVER_UNHEALTHY (81) if somebody is left 10 s after the first SIGKILL
 */
export async function end(find: Find, graceMs: number): Promise<readonly Named[]> {
  const known: Entry[] = [];
  const names: Named[] = [];
  const killAt = performance.now() + graceMs;
  for (let left = await find(known); left.length > 0; left = await find(known)) {
    const killing = performance.now() >= killAt;
    if (performance.now() >= killAt + KILL_WAIT_MS) throw stuck(left);
    for (const entry of left) {
      const isNew = !known.some(({ pid, started }) => pid === entry.pid && started === entry.started);
      if (isNew) {
        known.push(entry);
        names.push(nameOf(entry));
      }
      if (killing || isNew) signalEntry(entry, killing ? 'SIGKILL' : 'SIGTERM');
    }
    await gone(left, killing ? performance.now() + KILL_AGAIN_MS : killAt);
  }
  return names;
}

/** Waits until all of them are gone, or until `deadline` (milliseconds, monotonic). */
async function gone(entries: readonly Entry[], deadline: number): Promise<void> {
  while (entries.some(isAlive)) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return;
    await sleep(Math.min(LOOK_MS, leftMs));
  }
}

function stuck(left: readonly Entry[]): MusterError {
  const who = left.map(nameOf).map(({ pid, command }) => `${pid} (${command})`);
  return new MusterError({
    code: 'SERVER_UNHEALTHY',
    message: `still there ${KILL_WAIT_MS / 1000} s after SIGKILL: process ${who.join(', process ')}`,
    hint: 'It hangs in the kernel (a GPU driver, a dead network mount) or belongs to another user: restart the node or the pod.',
  });
}
