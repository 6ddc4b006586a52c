import { describe, expect, test } from 'vitest';
import type { Ending, Phase } from '../../../src/launch/rally/rally.ts';
import {
  type Board,
  type Change,
  changed,
  FAULTS,
  HISTORY,
  newBoard,
  TIMELINE,
} from '../../../src/launch/watch/board.ts';
import { BoardKeeper } from '../../../src/launch/watch/board-keeper.ts';
import { live, ready, started } from '../../../src/launch/watch/verdicts.ts';
import { ending, SELF } from './fixture.ts';

const generation = (number: number): Change => ({ on: 'generation', generation: number });
const phase = (name: Phase): Change => ({ on: 'phase', phase: name });
const headPhase = (name: Phase): Change => ({ on: 'head-phase', phase: name });
const child = (alive: boolean): Change => ({ on: 'child', alive });
const ended = (how: Partial<Ending> = {}): Change => ({ on: 'ended', ending: ending(how) });
const arrived = (member: string, rank: number): Change => ({
  on: 'news',
  news: { what: 'arrived', member, rank, phase: 'joined' },
});

/** One change a second, from 1 s on. */
const play = (role: 'head' | 'worker', ...changes: readonly Change[]): Board =>
  changes.reduce(
    (board, change, at) => changed(board, change, (at + 1) * 1000),
    newBoard({ ...SELF, role, rank: role === 'head' ? 0 : undefined }, 0),
  );

const UP_TO_READY = [generation(1), phase('engine'), phase('serving'), child(true)];
const WORKER_READY = [...UP_TO_READY, headPhase('ready')];
const HEAD_READY = [...UP_TO_READY, phase('ready')];
const YES = 'yes';

describe('verdicts of a worker', () => {
  test.each<{ when: string; changes: Change[]; line?: string; want: [live: string, started: string, ready: string] }>([
    {
      when: 'at birth',
      changes: [],
      want: [YES, 'joining, the head not heard yet', 'joining, the head not heard yet'],
    },
    {
      when: 'awaiting others',
      changes: [generation(1), phase('joined'), headPhase('joined')],
      line: 'waiting 5 s of 600 s: rank 2',
      want: [YES, 'the head at joined; waiting 5 s of 600 s: rank 2', 'rank 2'],
    },
    { when: 'its server runs', changes: UP_TO_READY, want: [YES, 'this member is at serving', 'head not heard yet'] },
    { when: 'the head is ready', changes: WORKER_READY, want: [YES, YES, YES] },
    {
      when: 'the head was ready and is not',
      changes: [...WORKER_READY, headPhase('serving')],
      want: [YES, YES, 'the head at serving'],
    },
    { when: 'the head stops', changes: [...WORKER_READY, headPhase('stopping')], want: [YES, YES, 'head is stopping'] },
    { when: 'it stops', changes: [...WORKER_READY, phase('stopping')], want: [YES, YES, 'this member is stopping'] },
    { when: 'its server has ended', changes: [...WORKER_READY, child(false)], want: ['has ended', YES, 'has ended'] },
    {
      when: 'its server has ended and that is known',
      changes: [...WORKER_READY, child(false), ended()],
      want: [YES, YES, 'generation 1 ended: worker-2 stopped beating'],
    },
    {
      when: 'the next generation begins',
      changes: [...WORKER_READY, child(false), ended(), generation(2)],
      want: [YES, 'this member is at joining', 'head not heard yet'],
    },
    {
      when: 'the head says ready of what is over',
      changes: [...UP_TO_READY, ended(), headPhase('ready')],
      want: [YES, 'ended', 'ended'],
    },
    {
      when: 'it is ready again',
      changes: [...WORKER_READY, ended(), generation(2), ...WORKER_READY.slice(1)],
      want: [YES, YES, YES],
    },
  ])('$when', ({ changes, line, want }) => {
    const board = play('worker', ...changes);
    const verdicts = [live(board), started(board, line), ready(board, line)];
    const said = verdicts.map((each) => (each.ok ? YES : each.why));
    for (const [at, words] of want.entries()) expect(said[at]).toContain(words);
  });
});

describe('verdicts of the head', () => {
  test.each<{ when: string; changes: Change[]; want: [started: boolean, ready: boolean] }>([
    { when: 'gathering', changes: [generation(1), phase('joined')], want: [false, false] },
    { when: 'its server runs', changes: UP_TO_READY, want: [false, false] },
    { when: 'ready', changes: HEAD_READY, want: [true, true] },
    { when: 'its server no longer answers', changes: [...HEAD_READY, phase('serving')], want: [true, false] },
    { when: 'and answers again', changes: [...HEAD_READY, phase('serving'), phase('ready')], want: [true, true] },
    { when: 'draining', changes: [...HEAD_READY, phase('stopping')], want: [true, false] },
    { when: 'between generations', changes: [...HEAD_READY, ended()], want: [true, false] },
    {
      when: 'in the next one',
      changes: [...HEAD_READY, ended(), generation(2), phase('serving')],
      want: [false, false],
    },
  ])('$when', ({ changes, want }) => {
    const board = play('head', ...changes);
    expect([started(board).ok, ready(board).ok]).toEqual(want);
    expect(live(board)).toEqual({ ok: true });
  });
});

test.each([
  { message: 'worker-2 is gone', says: 'generation 1 ended: worker-2 is gone' },
  { message: 'generation 4 ended: worker-2 is gone', says: 'generation 4 ended: worker-2 is gone' },
])('an end is said once: $says', ({ message, says }) => {
  expect(ready(play('worker', generation(1), ended({ message })))).toEqual({ ok: false, why: says });
});

describe('the time line', () => {
  test('has each phase that is over, with its beginning and length', () => {
    const board = play(
      'worker',
      generation(1),
      phase('engine'),
      headPhase('joined'),
      phase('serving'),
      ended(),
      generation(2),
    );
    expect(board.history).toEqual([
      { generation: 1, phase: 'joining', at: 1000, tookMs: 1000 },
      { generation: 1, phase: 'engine', at: 2000, tookMs: 2000 },
      { generation: 1, phase: 'serving', at: 4000, tookMs: 2000 },
    ]);
    expect(board).toMatchObject({ generation: 2, phase: 'joining', phaseSince: 6000 });
  });

  test('is bounded, and keeps the newest', () => {
    const often = Array.from({ length: 300 }, (_, at) => phase(at % 2 === 0 ? 'engine' : 'serving'));
    const { history } = play('worker', ...often);
    expect(history).toHaveLength(HISTORY);
    expect(history.at(-1)).toMatchObject({ at: 299_000, tookMs: 1000 });
  });
});

describe('what happened', () => {
  const story = ({ timeline }: Board) =>
    timeline.map(({ at, generation: of, what, member, rank, phase: name }) =>
      [at / 1000, of, what, member, rank, name].filter((each) => each !== undefined).join(' '),
    );

  test('on the head: its own phases, and what it sees of the workers', () => {
    const board = play(
      'head',
      generation(1),
      phase('joined'),
      arrived('worker-1', 1),
      phase('ready'),
      ended(),
      generation(2),
    );
    expect(story(board)).toEqual([
      '1 1 began worker-1 0',
      '2 1 phase worker-1 0 joined',
      '3 1 arrived worker-1 1 joined',
      '4 1 phase worker-1 0 ready',
      '5 1 ended worker-1 0',
      '6 2 began worker-1 0',
    ]);
  });

  test("on a worker: the head's phases too, all in the group's count, which it hears with its seat", () => {
    const seat: Change = { on: 'seat', rank: 2, worldSize: 3, generation: 7 };
    const board = play('worker', generation(1), ended(), generation(2), headPhase('joined'), seat, phase('joined'));
    expect(story(board)).toEqual([
      '1 1 began worker-1',
      '2 1 ended worker-1',
      '3 7 began worker-1 2',
      '4 7 phase 0 joined',
      '6 7 phase worker-1 2 joined',
    ]);
  });

  test('is bounded, and so are the faults; the newest stay', () => {
    const often = Array.from({ length: 300 }, (_, nth) => [
      generation(nth + 1),
      ended({ message: `fault ${nth + 1}` }),
    ]);
    const { timeline, faults } = play('worker', ...often.flat());
    expect([timeline.length, faults.length]).toEqual([TIMELINE, FAULTS]);
    expect(timeline.at(-1)).toMatchObject({ what: 'ended', generation: 300 });
    expect(faults.at(-1)).toMatchObject({ generation: 300, ending: { message: 'fault 300' } });
  });

  test.each([
    { when: 'a member was lost', how: {}, want: 1 },
    { when: 'another member was asked to stop', how: { code: 'STOPPED', culprit: 'worker-2' }, want: 1 },
    { when: 'this one was asked to stop', how: { code: 'STOPPED', culprit: 'worker-1' }, want: 0 },
    { when: 'the command is done', how: { code: 'DONE', culprit: undefined }, want: 0 },
  ] as const)('$when: $want faults', ({ how, want }) => {
    expect(play('worker', generation(1), ended(how)).faults).toHaveLength(want);
  });
});

test('restarts are counted by the code of the end before', () => {
  const board = play('worker', generation(1), ended(), generation(2), ended({ code: 'ENGINE_LOST' }), generation(3));
  expect(board).toMatchObject({ restarts: 2, restartReasons: { GROUP_LOST: 1, ENGINE_LOST: 1 } });
  expect(board.lastEnding?.code).toBe('ENGINE_LOST');
  expect(board.ending).toBeUndefined();
});

test('the first reason of an end stays', () => {
  const board = play('worker', generation(1), ended({ message: 'first' }), ended({ message: 'second' }));
  expect(board.ending?.message).toBe('first');
});

test('a seat tells rank, size and the number the group gives this start', () => {
  const board = play('worker', generation(1), { on: 'seat', rank: 3, worldSize: 4, generation: 7 });
  expect(board).toMatchObject({ rank: 3, worldSize: 4, generation: 7, restarts: 0 });
});

describe('the keeper', () => {
  test('tells its listeners of a change, not of a repetition, and not after they left', () => {
    let now = 0;
    const keeper = new BoardKeeper(SELF, () => now);
    const seen: string[] = [];
    const leave = keeper.onChange((board, before) =>
      seen.push(`${before.phase}→${board.phase} at ${board.phaseSince}`),
    );
    now = 5;
    keeper.change(phase('engine'));
    keeper.change(phase('engine'));
    leave();
    keeper.change(phase('serving'));
    expect(seen).toEqual(['joining→engine at 5']);
    expect(keeper.board.phase).toBe('serving');
  });
});
