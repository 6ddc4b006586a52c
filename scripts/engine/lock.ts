/** One at a time, over processes: two test runs must not start two engines, or build one image twice. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cache } from './run.ts';

const WAIT_MS = 600_000;

/** @throws Error when another process holds the lock for ten minutes */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  mkdirSync(cache, { recursive: true });
  const file = join(cache, 'lock');
  const late = performance.now() + WAIT_MS;
  while (!taken(file)) {
    if (performance.now() > late) throw new Error(`${file} is held by process ${holder(file)} for ten minutes`);
    if (!isAlive(holder(file))) rmSync(file, { force: true });
    else await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function taken(file: string): boolean {
  try {
    const descriptor = openSync(file, 'wx');
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** NaN for the moment between making the file and writing it. */
function holder(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch {
    return Number.NaN;
  }
}

function isAlive(pid: number): boolean {
  if (Number.isNaN(pid)) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
