import { describe, expect, test } from 'vitest';
import type { Generation } from '../../../src/launch/generation.ts';
import { type Launch, newLife } from '../../../src/launch/launch.ts';
import { live } from '../../../src/launch/live.ts';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { meaningOf } from '../../../src/launch/takeover/supervise.ts';
import { textLog } from '../../../src/log.ts';
import { planOf } from '../plan/fixture.ts';

const plan = planOf({ argv: ['--member=me', '--world-size=2', '--rank=0'], env: { MODEL_ID: 'q' } });

describe('an exit that nobody asked for', () => {
  test.each([
    {
      command: 'launch',
      status: 0,
      code: 'SERVER_EXITED',
      exit: 81,
      says: 'ended with status 0, and nobody had asked it to',
    },
    { command: 'launch', status: 1, code: 'SERVER_EXITED', exit: 1, says: 'ended with status 1' },
    { command: 'launch', status: 128, code: 'SERVER_EXITED', exit: 128, says: 'ended with status 128' },
    { command: 'launch', status: 137, code: 'SERVER_EXITED', exit: 137, says: 'was ended by signal 9' },
    { command: 'launch', status: 143, code: 'SERVER_EXITED', exit: 143, says: 'was ended by signal 15' },
    { command: 'run', status: 0, code: 'DONE', exit: 0, says: 'ended with status 0' },
    { command: 'run', status: 3, code: 'SERVER_EXITED', exit: 3, says: 'ended with status 3' },
    { command: 'run', status: 137, code: 'SERVER_EXITED', exit: 137, says: 'ended with status 137' },
  ] as const)('$command, status $status → $code $exit', ({ command, status, code, exit, says }) => {
    expect(meaningOf({ ...plan, command }, status)).toMatchObject({
      code,
      exitStatus: exit,
      message: expect.stringContaining(says),
      culprit: 'me',
    });
  });

  test('a SIGKILL hints at the memory limit', () => {
    expect(meaningOf(plan, 137).hint).toContain('memory limit');
    expect(meaningOf(plan, 1).hint).not.toContain('memory');
  });
});

function scene() {
  const lines: string[] = [];
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  const log = textLog({ level: 'info', now: () => 0, write: (line) => void lines.push(line) });
  const onSignal = (handler: (signal: NodeJS.Signals) => void) => {
    listeners.add(handler);
    return () => listeners.delete(handler);
  };
  const launch = {
    plan,
    log,
    token: undefined,
    life: newLife(plan, () => 0),
    secrets: [],
    probePort: { value: 0, origin: 'test' },
    // Nobody's last words: a path that is no file of this machine's termination log.
    terminationLog: '/dev/null',
    world: { onSignal, env: {}, now: () => 0 },
  } as unknown as Launch;
  return { launch, lines, listeners };
}

const ending = (how: Partial<Ending>): Ending => ({
  code: 'GROUP_LOST',
  exitStatus: 79,
  message: 'words',
  hint: 'next',
  culprit: undefined,
  ...how,
});

describe('a group that was ready meets again', () => {
  const budget = planOf({
    argv: ['--member=me', '--world-size=2', '--rank=0', '--restarts=2'],
    env: { MODEL_ID: 'q' },
  });
  const lost = ending({ culprit: 'other' });

  test('until its budget is spent, and says so', async () => {
    const { launch, lines } = scene();
    const again = { ...launch, plan: budget, life: { ...newLife(budget, () => 0), wasReady: true } };
    const numbers: number[] = [];
    const status = await live(again, async ({ number }) => {
      numbers.push(number);
      return { ended: Promise.resolve(lost) };
    });
    expect({ status, numbers }).toEqual({ status: 79, numbers: [1, 2, 3] });
    expect(lines.at(-1)).toContain('RESTARTS_SPENT words; the group was restarted 2 times within 600 s');
  });

  test('and not when the signal to stop comes between two generations', async () => {
    const { launch, listeners } = scene();
    const again = { ...launch, plan: budget, life: { ...newLife(budget, () => 0), wasReady: true } };
    const status = live(again, async (generation) => {
      // Closing is the last thing before the wait: the signal comes when nothing runs any more.
      generation.onEnd(async () => {
        setImmediate(() => {
          for (const tell of listeners) tell('SIGTERM');
        });
      });
      return { ended: Promise.resolve(lost) };
    });
    expect(await status).toBe(143);
  });
});

describe('the status of a launch', () => {
  test.each<{ when: string; how: Partial<Ending>; mirror?: number; asked?: number; want: number }>([
    { when: 'our server failed', how: { code: 'SERVER_EXITED', exitStatus: 3, culprit: 'me' }, want: 3 },
    {
      when: "another member's server failed",
      how: { code: 'SERVER_EXITED', exitStatus: 3, culprit: 'other' },
      want: 79,
    },
    {
      when: 'we were asked to stop before the server ran',
      how: { code: 'STOPPED', exitStatus: 143, culprit: 'me' },
      want: 143,
    },
    {
      when: 'we were asked to stop and the server ended',
      how: { code: 'STOPPED', exitStatus: 143, culprit: 'me' },
      mirror: 0,
      want: 0,
    },
    { when: 'another member was asked to stop', how: { code: 'STOPPED', exitStatus: 143, culprit: 'other' }, want: 79 },
    {
      when: 'another member was asked to stop, and then we were',
      how: { code: 'STOPPED', exitStatus: 79, culprit: 'other' },
      asked: 143,
      want: 143,
    },
    {
      when: 'another member was asked to stop, then we were, and our server drained',
      how: { code: 'STOPPED', exitStatus: 79, culprit: 'other' },
      asked: 143,
      mirror: 0,
      want: 0,
    },
    { when: 'the command is done', how: { code: 'DONE', exitStatus: 0, culprit: 'me' }, want: 0 },
    { when: "the head's command is done", how: { code: 'DONE', exitStatus: 0, culprit: 'other' }, want: 0 },
    { when: 'a member was lost', how: { culprit: 'other' }, want: 79 },
    { when: 'the rally was too slow', how: { code: 'RALLY_TIMEOUT', exitStatus: 75 }, want: 75 },
  ])('when $when → $want', async ({ how, mirror, asked, want }) => {
    const { launch } = scene();
    launch.life.asked = asked;
    const story = async () => {
      launch.life.serverStatus = mirror;
      return { ended: Promise.resolve(ending(how)) };
    };
    expect(await live(launch, story)).toBe(want);
  });

  test.each([
    { when: 'it failed', how: {}, want: 'muster +0.000s ERROR GROUP_LOST words. → next\n' },
    { when: 'it was asked to', how: { code: 'STOPPED', exitStatus: 143 }, want: 'muster +0.000s words\n' },
    { when: 'it is done', how: { code: 'DONE', exitStatus: 0 }, want: 'muster +0.000s words\n' },
  ] as const)('when $when, one line says why', async ({ how, want }) => {
    const { launch, lines } = scene();
    await live(launch, async () => ({ ended: Promise.resolve(ending(how)) }));
    expect(lines).toEqual([want]);
  });

  test('everything that was opened is closed first, and what is left is said', async () => {
    const { launch, lines } = scene();
    const closed: string[] = [];
    const status = await live(launch, async (generation) => {
      generation.onEnd(async () => void closed.push('engine'));
      generation.onEnd(() => Promise.reject(new Error('still there')));
      return { ended: Promise.resolve(ending({})) };
    });
    expect(status).toBe(79);
    expect(closed).toEqual(['engine']);
    expect(lines.at(-1)).toContain('still there');
  });

  test.each([
    { again: 'SIGINT', afterMs: 250, hurried: true },
    { again: 'SIGINT', afterMs: 249, hurried: false },
    { again: 'SIGTERM', afterMs: 60_000, hurried: false },
    { again: 'SIGQUIT', afterMs: 60_000, hurried: false },
  ] as const)(
    'SIGTERM and $again after $afterMs ms: in a hurry $hurried (fault 11)',
    async ({ again, afterMs, hurried }) => {
      const { launch, lines, listeners } = scene();
      let now = 0;
      const world = { ...launch.world, now: () => now };
      const drained = Promise.withResolvers<string>();
      const running = Promise.withResolvers<Generation>();
      const closed: string[] = [];
      const status = live({ ...launch, world }, async (generation) => {
        running.resolve(generation);
        generation.onEnd(async () => {
          closed.push(await generation.unlessHurried(drained.promise, async () => 'killed'));
        });
        return { ended: new Promise(() => {}) };
      });
      const generation = await running.promise;
      for (const tell of listeners) tell('SIGTERM');
      now = afterMs;
      for (const tell of listeners) tell(again);
      expect(generation.isHurried).toBe(hurried);
      await new Promise(setImmediate);
      drained.resolve('drained');
      expect(await status).toBe(143);
      expect(closed).toEqual([hurried ? 'killed' : 'drained']);
      expect(lines.filter((line) => line.includes('asked again by SIGINT'))).toHaveLength(hurried ? 1 : 0);
    },
  );

  test.each([
    { signal: 'SIGTERM', want: 143 },
    { signal: 'SIGINT', want: 130 },
    { signal: 'SIGQUIT', want: 131 },
  ] as const)('$signal before the server runs → $want, and nobody listens any more', async ({ signal, want }) => {
    const { launch, listeners } = scene();
    const status = live(launch, () => new Promise(() => {}));
    for (const listener of listeners) listener('SIGHUP');
    for (const listener of listeners) listener(signal);
    expect(await status).toBe(want);
    expect(listeners.size).toBe(0);
  });
});
