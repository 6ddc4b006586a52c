import { describe, expect, test } from 'vitest';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { afterEnding, pauseMs } from '../../../src/launch/restart.ts';
import { planOf } from '../plan/fixture.ts';

const of = (...argv: string[]) => planOf({ argv: ['--member=me', '--world-size=3', ...argv], env: { MODEL_ID: 'q' } });
const head = of('--rank=0', '--restarts=2', '--restart-window=60');
const ending = (how: Partial<Ending>): Ending => ({
  code: 'GROUP_LOST',
  exitStatus: 79,
  message: 'w',
  hint: 'h',
  culprit: 'other',
  ...how,
});
const ready = { wasReady: true, restartedAt: [] };

describe('after a generation', () => {
  test.each<{ when: string; how: Partial<Ending>; want: string }>([
    { when: 'another member was lost', how: {}, want: 'restart' },
    { when: 'our Ray was lost', how: { code: 'ENGINE_LOST', culprit: 'me' }, want: 'restart' },
    { when: 'our server ended', how: { code: 'SERVER_EXITED', exitStatus: 1, culprit: 'me' }, want: 'restart' },
    { when: 'another member was asked to stop', how: { code: 'STOPPED' }, want: 'restart' },
    { when: 'we were asked to stop', how: { code: 'STOPPED', exitStatus: 143, culprit: 'me' }, want: 'exit' },
    { when: 'a newer incarnation of us is there', how: { code: 'FENCED' }, want: 'exit' },
    { when: 'the plans differ', how: { code: 'PLAN_MISMATCH' }, want: 'exit' },
    { when: 'the head has no restart left', how: { code: 'RESTARTS_SPENT' }, want: 'exit' },
    { when: 'the command is done', how: { code: 'DONE', exitStatus: 0 }, want: 'exit' },
    { when: 'nobody came back in time', how: { code: 'RALLY_TIMEOUT' }, want: 'exit' },
  ])('$when → $want', ({ how, want }) => {
    expect(afterEnding(head, ending(how), ready, 0).do).toBe(want);
  });

  test('a group that never was ready does not load its weights again', () => {
    expect(afterEnding(head, ending({}), { ...ready, wasReady: false }, 0).do).toBe('exit');
  });

  test.each([
    { restartedAt: [0], now: 1, want: { do: 'restart', nth: 2 } },
    { restartedAt: [0, 1], now: 2, want: { do: 'give-up' } },
    { restartedAt: [0, 1], now: 60_000, want: { do: 'restart', nth: 2 } },
    { restartedAt: [0, 1], now: 60_001, want: { do: 'restart', nth: 1 } },
  ])('restarts at $restartedAt, now $now → $want', ({ restartedAt, now, want }) => {
    expect(afterEnding(head, ending({}), { wasReady: true, restartedAt }, now)).toMatchObject(want);
  });

  test("when the budget is spent, a server's own status stays its member's", () => {
    const spent = { wasReady: true, restartedAt: [0, 0] };
    const mine = afterEnding(head, ending({ code: 'SERVER_EXITED', exitStatus: 3, culprit: 'me' }), spent, 1);
    const other = afterEnding(head, ending({ code: 'SERVER_EXITED', exitStatus: 3 }), spent, 1);
    expect([mine, other]).toMatchObject([{ ending: { exitStatus: 3 } }, { ending: { exitStatus: 79 } }]);
  });
});

describe('the budget, unless it is set', () => {
  const limit = (argv: string[], env: Record<string, string>) =>
    planOf({ argv, env: { MODEL_ID: 'q', ...env } }).restarts.limit;
  test.each([
    { when: 'a group under launch', argv: ['--world-size=2', '--rank=0'], env: {}, want: 3 },
    { when: 'a group of one', argv: [], env: {}, want: 0 },
    {
      when: 'LeaderWorkerSet recreates it',
      argv: [],
      env: { LWS_LEADER_ADDRESS: 'a.b', LWS_GROUP_SIZE: '2', LWS_WORKER_INDEX: '0' },
      want: 0,
    },
  ])('$when → $want', ({ argv, env, want }) => {
    expect(limit(argv, env as Record<string, string>)).toMatchObject({ value: want });
  });
});

describe('the pause before a restart (fault 30)', () => {
  test.each([
    { nth: 1, least: 100, most: 200 },
    { nth: 2, least: 300, most: 600 },
    { nth: 3, least: 900, most: 1_800 },
    { nth: 4, least: 2_700, most: 5_400 },
    { nth: 5, least: 7_500, most: 15_000 },
    { nth: 10, least: 7_500, most: 15_000 },
    { nth: 10_000, least: 7_500, most: 15_000 },
  ])('the $nth. within the window: $least to $most ms', ({ nth, least, most }) => {
    expect([pauseMs(nth, 0), pauseMs(nth, 1)]).toEqual([least, most]);
    expect(pauseMs(nth, 0.5)).toBe((least + most) / 2);
  });
});
