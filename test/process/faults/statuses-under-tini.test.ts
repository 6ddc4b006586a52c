/**
 * Every status and signal, through tini as the first process of a real PID namespace and muster below it, as in a container:
 * what the server says is what the container says. A namespace needs root.
 */
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect } from 'vitest';
import { readTable } from '../../../src/process/process-table.ts';
import { FORWARDED } from '../../../src/process/signals.ts';
import { fixture, inParallel } from '../process/programs.ts';
import { BIN, type Muster, type Stage, test } from '../support/stage.ts';

const TINI = '/usr/bin/tini';
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', TINI, '-g', '--'] as const;
/** Every signal whose default action ends a process (signal(7)), but for the real-time ones, for which Node has no names. */
const DEADLY = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31];
const STOPS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** At once; each takes a sixth of a second of a core. */
const WIDTH = 4;
const PATIENCE_MS = 60_000;

beforeEach(({ skip }) => {
  if (process.getuid?.() !== 0) skip('a PID namespace needs root');
  if (!existsSync(TINI)) skip('there is no tini: apt-get install tini');
});

const contained = (stage: Stage, options: readonly string[], ...command: readonly string[]): Muster =>
  stage.start(['run', '--takeover=supervise', ...options, '--', ...command], {
    program: [...CONTAINER, process.execPath, BIN],
  });

/** The PID of tini as we see it. */
async function tiniOf(container: Muster): Promise<number> {
  const tini = (await readTable()).find(({ parent }) => parent === container.pid);
  if (tini === undefined) throw new Error('there is no tini');
  return tini.pid;
}

describe('through tini in a PID namespace', { timeout: 600_000 }, () => {
  test('all 256 statuses are mirrored (fault 38)', async ({ stage }) => {
    const statuses = Array.from({ length: 256 }, (_, status) => status);
    const ends = await inParallel(statuses, WIDTH, async (status) => {
      const ended = await contained(stage, [], fixture('exit-with'), `${status}`).ended(PATIENCE_MS);
      return ended.status;
    });
    expect(ends).toEqual(statuses);
  });

  test('a death by any signal is 128 + n (fault 38)', async ({ stage }) => {
    const ends = await inParallel(DEADLY, WIDTH, async (signal) => {
      const ended = await contained(stage, [], fixture('die-by-signal'), `${signal}`).ended(PATIENCE_MS);
      return ended.status;
    });
    expect(ends).toEqual(DEADLY.map((signal) => 128 + signal));
  });

  test('each signal that does not ask to stop reaches the server, and nothing ends (fault 38)', async ({ stage }) => {
    const container = contained(stage, ['--grace=0.2'], fixture('print-signals'));
    await container.printed(/ready/, PATIENCE_MS);
    const tini = await tiniOf(container);
    for (const signal of FORWARDED.filter((name) => !STOPS.some((stop) => stop === name))) {
      process.kill(tini, signal);
      await container.printed(new RegExp(`^${signal}$`, 'm'), PATIENCE_MS);
    }
    expect(container.isOver).toBe(false);
    process.kill(tini, 'SIGTERM');
    expect((await container.ended(PATIENCE_MS)).status).toBe(137);
  });

  test.for(STOPS)(
    '%s reaches the server, which is killed after the grace: 137 (fault 38)',
    async (signal, { stage }) => {
      const container = contained(stage, ['--grace=0.2'], fixture('print-signals'));
      await container.printed(/ready/, PATIENCE_MS);
      process.kill(await tiniOf(container), signal);
      const { status, stdout } = await container.ended(PATIENCE_MS);
      expect({ status, stdout: stdout.toString() }).toEqual({ status: 137, stdout: `ready\n${signal}\n` });
    },
  );
});
