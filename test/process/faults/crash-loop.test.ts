/** A server that comes up and dies, again and again: each time later, and in the end with its own status. */
import { expect } from 'vitest';
import { expectEnd, freePorts, RUNTIMES, test } from '../support/stage.ts';

/** Milliseconds since the start of the process, at the head of each line. */
const timesOf = (stderr: string, what: RegExp): readonly number[] =>
  stderr
    .split('\n')
    .filter((line) => what.test(line))
    .map((line) => Number(/\+(\d+\.\d+)s/.exec(line)?.[1]) * 1000);

test('a server that dies once it is ready: pauses of 0.1, 0.3 and 0.9 s at least, then its own status (fault 30)', async ({
  stage,
}) => {
  const [port] = await freePorts(1);
  const ours = ['--takeover=supervise', `--server-port=${port}`, `--runtimes=${RUNTIMES}`];
  const budget = ['--restarts=3', '--restart-window=600', '--hang-timeout=1'];
  const ended = await stage.start(['launch', 'model-server', ...ours, ...budget, '--', '--fail-late=7']).ended(90_000);
  expectEnd(ended, { status: 7, code: 'RESTARTS_SPENT', says: /ended with status 7.*no restart is left/ });
  const begun = timesOf(ended.stderr, /starting model-server/);
  const again = timesOf(ended.stderr, /the group meets again: restart \d of 3/);
  expect([begun.length, again.length]).toEqual([4, 3]);
  for (const [index, leastMs] of [100, 300, 900].entries())
    expect((begun[index + 1] ?? 0) - (again[index] ?? 0)).toBeGreaterThanOrEqual(leastMs - 2); // lines, and timers, are exact to one
});
