/** Everything a bench starts carries its mark, so that what a killed parent leaves behind can be found and ended. */
import { readdirSync, readFileSync } from 'node:fs';

/** Not MUSTER_…: muster keeps its own variables from what it starts. */
const MARK = `BENCH_MARK=${process.pid}`;

export const markedEnv = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  ...more,
  [MARK.split('=')[0] ?? '']: `${process.pid}`,
});

export interface Marked {
  readonly pid: number;
  readonly command: string;
}

export const marked = (): Marked[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(MARK)) return [];
        return [{ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }];
      } catch {
        return []; // gone, or not ours to see
      }
    });

/** Kills all that carry the mark. */
export function sweepMarked(): void {
  for (const { pid } of marked()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone meanwhile
    }
  }
}
