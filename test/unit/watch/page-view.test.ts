/** What the page shows, from what `/status` answers: the pure part of web/. */
import { describe, expect, test } from 'vitest';
import { type Change, changed, newBoard } from '../../../src/launch/watch/board.ts';
import { type GroupView, statusJson } from '../../../src/launch/watch/status-report.ts';
import { isStatus, MAX_TILES, newsOf, remembered, type Status, type View, viewOf } from '../../../web/view.js';
import { ending, SELF } from './fixture.ts';

type Step = readonly [at: number, change: Change];
type Members = GroupView['members'];

const worker = (rank: number, how: Partial<Members[number]> = {}): Members[number] => ({
  member: rank === 0 ? 'head' : `worker-${rank}`,
  rank,
  incarnation: 'ab12',
  address: `10.0.0.${rank + 2}`,
  phase: rank === 0 ? 'ready' : 'serving',
  phaseMs: 4000,
  beatMs: rank === 0 ? 0 : 300,
  connected: true,
  devices: 2,
  ...how,
});

interface Given {
  readonly steps?: readonly Step[];
  readonly now?: number;
  readonly members?: Members;
  readonly worker?: boolean;
}

/** What a browser would get from a board that went through `steps`. */
function answer({ steps = [], now = 10_000, members, worker: isWorker = false }: Given): Status {
  const self = isWorker ? SELF : { ...SELF, member: 'head', role: 'head' as const, rank: 0 };
  const board = steps.reduce((before, [at, change]) => changed(before, change, at), newBoard(self, 0));
  const json = statusJson({
    board,
    groupPlan: isWorker ? { headAddress: '10.0.0.2' } : { shards: 6 },
    group: members && { members, leaseMs: 3000 },
    waiting: undefined,
    version: '1.2.3',
    redacted: (text) => text,
    now,
    epochMs: Date.UTC(2030, 0, 1),
  });
  const parsed: unknown = JSON.parse(json);
  if (!isStatus(parsed)) throw new Error('this is a status');
  return parsed;
}

const view = (given: Given, names: ReadonlyMap<number, string> = new Map()): View => viewOf(answer(given), names);
const news = (what: 'arrived' | 'gone' | 'phase', rank: number, phase: 'joined' | 'engine-up' | 'serving'): Change => ({
  on: 'news',
  news: { what, member: `worker-${rank}`, rank, phase },
});
const phase = (name: 'joined' | 'engine-up' | 'serving' | 'ready'): Change => ({ on: 'phase', phase: name });

const LAUNCH: readonly Step[] = [
  [100, { on: 'generation', generation: 1 }],
  [150, phase('joined')],
  [300, news('arrived', 2, 'joined')],
  [2_100, news('arrived', 1, 'joined')],
  [2_500, phase('engine-up')],
  [2_600, news('phase', 1, 'engine-up')],
  [4_100, news('phase', 2, 'engine-up')],
  [4_200, phase('serving')],
  [4_300, news('phase', 2, 'serving')],
  [4_400, news('phase', 1, 'serving')],
];
const READY: readonly Step[] = [...LAUNCH, [9_100, phase('ready')]];
const ALL = [worker(0), worker(1), worker(2)];

describe('tiles', () => {
  test.each([
    { when: 'it serves', member: worker(1), want: { state: 'well', phase: 'serving' } },
    { when: 'its engine starts', member: worker(1, { phase: 'engine' }), want: { state: 'busy', phase: 'engine' } },
    { when: 'its stream is closed', member: worker(1, { connected: false }), want: { state: 'bad', phase: 'gone' } },
    {
      when: 'it handed over',
      member: worker(1, { connected: false, phase: 'handed-over' }),
      want: { state: 'well', phase: 'handed-over' },
    },
    { when: 'it is not there', member: undefined, want: { state: 'absent', phase: 'absent', name: 'nobody yet' } },
  ])('a worker: $when → $want.state', ({ member, want }) => {
    const { tiles } = view({ steps: READY, members: member ? [worker(0), member] : [worker(0)] });
    expect(tiles).toHaveLength(3);
    expect(tiles[1]).toMatchObject({ key: 'rank 1', rank: 1, ...want });
  });

  test('a head that loads its server is busy, and well when it is ready', () => {
    const states = (['serving', 'ready'] as const).map(
      (each) => view({ members: [worker(0, { phase: each })] }).tiles[0]?.state,
    );
    expect(states).toEqual(['busy', 'well']);
  });

  test.each([
    { beatMs: 0, left: 1 },
    { beatMs: 1500, left: 0.5 },
    { beatMs: 9000, left: 0 },
  ])('heard $beatMs ms ago: $left of the lease is left', ({ beatMs, left }) => {
    const [head, one] = view({ members: [worker(0), worker(1, { beatMs })] }).tiles;
    expect(head?.beat).toBeUndefined();
    expect(one?.beat?.left).toBe(left);
  });

  test.each([
    { phaseMs: 0, since: '0 s' },
    { phaseMs: 40, since: '40 ms' },
    { phaseMs: 340, since: '0.3 s' },
    { phaseMs: 9_960, since: '10 s' },
    { phaseMs: 59_960, since: '1 min' },
    { phaseMs: 125_000, since: '2 min 5 s' },
    { phaseMs: 3_600_000, since: '1 h' },
    { phaseMs: 11_520_000, since: '3 h 12 min' },
    { phaseMs: 187_200_000, since: '2 d 4 h' },
  ])('$phaseMs ms in a phase is said as $since', ({ phaseMs, since }) => {
    expect(view({ members: [worker(0, { phaseMs })] }).tiles[0]?.since).toBe(since);
  });

  test('devices are a share only where every one holds a shard', () => {
    const devices = (members: Members) => view({ members }).tiles[1]?.facts[0]?.value;
    expect(devices(ALL)).toBe('2 of 6, a shard each');
    expect(devices([worker(0), worker(1)])).toBe('2');
  });

  test('between generations the head knows itself, and the page the names of before', () => {
    const names = remembered(new Map(), answer({ steps: READY, members: ALL }));
    const { tiles } = view({ steps: READY }, names);
    expect(tiles.map(({ name, state }) => [name, state])).toEqual([
      ['head', 'well'],
      ['worker-1', 'absent'],
      ['worker-2', 'absent'],
    ]);
  });

  test('of a thousand those in trouble are shown, the rest is counted', () => {
    const members = Array.from({ length: 1000 }, (_, rank) => worker(rank, { connected: rank !== 777 }));
    const status = { ...answer({ members }), worldSize: 1000 };
    const { tiles, more } = viewOf(status, new Map());
    expect(tiles).toHaveLength(MAX_TILES);
    expect(tiles[0]?.rank).toBe(0);
    expect(tiles.some(({ rank }) => rank === 777)).toBe(true);
    expect(more).toBe('872 more members: 872 serving');
  });
});

describe('the group', () => {
  test('ready, not ready and why, over and why', () => {
    expect(view({ steps: READY })).toMatchObject({ state: 'ready', word: 'Ready', why: undefined });
    expect(view({ steps: LAUNCH })).toMatchObject({ state: 'waiting', why: 'the head is at serving' });
    const over = view({ steps: [...READY, [9_500, { on: 'ended', ending: ending() }]] });
    expect(over).toMatchObject({ state: 'over', word: 'Ended', why: expect.stringContaining('worker-2 stopped') });
  });

  test('a worker shows itself, and says where the head is', () => {
    const { tiles, elsewhere, launch } = view({ steps: LAUNCH.slice(0, 2), worker: true });
    expect(tiles).toMatchObject([{ name: 'worker-1', rank: undefined, isSelf: true }]);
    expect(elsewhere).toContain('the head, at 10.0.0.2, shows all 3 members');
    expect(launch?.waits).toEqual([]);
  });

  test('an answer with nothing but its version is shown too; another version is none', () => {
    expect(viewOf({ v: 1 }, new Map())).toMatchObject({ state: 'waiting', faults: [], awaited: [], launch: undefined });
    expect([isStatus({ v: 2 }), isStatus(null), isStatus('v')]).toEqual([false, false, false]);
  });

  test('the awaited by name or by rank, and since when', () => {
    const since = new Date(Date.UTC(2030, 0, 1) + 6_000).toISOString();
    const awaited = [
      { rank: 2, layer: 'rally', since, detail: 'has not reported yet' },
      { member: 'worker-1', rank: 1, layer: 'engine', since, detail: 'GCS does not list it' },
    ];
    expect(viewOf({ ...answer({}), awaited }, new Map()).awaited).toEqual([
      { who: 'rank 2', layer: 'rally', since: '4 s', detail: 'has not reported yet' },
      { who: 'worker-1 (rank 1)', layer: 'engine', since: '4 s', detail: 'GCS does not list it' },
    ]);
  });

  test('faults, the last one first, with code, status and what to do', () => {
    const lost: Change = { on: 'ended', ending: ending() };
    const { faults } = view({
      steps: [...READY, [9_500, lost], [9_600, { on: 'generation', generation: 2 }], [9_900, lost]],
    });
    const hint = 'See the log of worker-2.';
    expect(faults).toMatchObject([
      { ago: '0.1 s ago', generation: 2, hint },
      { ago: '0.5 s ago', generation: 1, code: 'GROUP_LOST, exit status 79', culprit: 'worker-2', hint },
    ]);
  });
});

describe('the time line', () => {
  test('a launch that is over: a lane a member, and three waits', () => {
    const { launch } = view({ steps: READY, now: 3_600_000 });
    expect(launch).toMatchObject({ generation: 1, tookMs: 9_000, outcome: 'ready', hidden: 0 });
    expect(
      launch?.lanes.map(({ rank, spans }) => [rank, spans.map((span) => [span.phase, span.from, span.to])]),
    ).toEqual([
      [
        0,
        [
          ['joining', 0, 50],
          ['joined', 50, 2_400],
          ['engine-up', 2_400, 4_100],
          ['serving', 4_100, 9_000],
          ['ready', 9_000, 9_000],
        ],
      ],
      [
        1,
        [
          ['joined', 2_000, 2_500],
          ['engine-up', 2_500, 4_300],
          ['serving', 4_300, 9_000],
        ],
      ],
      [
        2,
        [
          ['joined', 200, 4_000],
          ['engine-up', 4_000, 4_200],
          ['serving', 4_200, 9_000],
        ],
      ],
    ]);
    const [head, one, two] = ['head', 'worker-1', 'worker-2'].map((member, rank) => ({ member, rank }));
    expect(launch?.waits).toEqual([
      { layer: 'rally', forWhom: [one], by: [head, two], missing: 0, tookMs: 2_000, isOver: true },
      { layer: 'engine', forWhom: [two], by: [head, one], missing: 0, tookMs: 2_100, isOver: true },
      { layer: 'server', forWhom: [head], by: [one, two], missing: 0, tookMs: 4_900, isOver: true },
    ]);
  });

  test.each([
    { when: 'a member is missing', steps: 3, want: [{ layer: 'rally', missing: 1, tookMs: 9_900, isOver: false }] },
    {
      when: 'parts of the engine are missing',
      steps: 6,
      want: [{ layer: 'rally' }, { layer: 'engine', forWhom: [{ rank: 2 }], tookMs: 7_900, isOver: false }],
    },
    {
      when: 'the server loads',
      steps: 10,
      want: [{ layer: 'rally' }, { layer: 'engine' }, { layer: 'server', tookMs: 5_800, isOver: false }],
    },
  ])('a launch goes on, $when: the wait until now', ({ steps, want }) => {
    const { launch } = view({ steps: LAUNCH.slice(0, steps) });
    expect(launch?.outcome).toBe('goes on');
    expect(launch?.waits).toMatchObject(want);
  });

  test('who goes and comes back has a gap in its lane', () => {
    const steps: readonly Step[] = [
      ...LAUNCH.slice(0, 3),
      [1_100, news('gone', 2, 'joined')],
      [2_100, news('arrived', 2, 'joined')],
    ];
    const lane = view({ steps }).launch?.lanes.find(({ rank }) => rank === 2);
    expect(lane?.spans.map((span) => [span.phase, span.from])).toEqual([
      ['joined', 200],
      ['gone', 1_000],
      ['joined', 2_000],
    ]);
  });

  test('a generation that ended before it was ready; then only the next one counts', () => {
    const ended: readonly Step[] = [...LAUNCH, [5_100, { on: 'ended', ending: ending() }]];
    expect(view({ steps: ended }).launch).toMatchObject({ outcome: 'ended', tookMs: 5_000 });
    const { launch } = view({ steps: [...ended, [6_000, { on: 'generation', generation: 2 }]] });
    expect(launch).toMatchObject({ generation: 2, outcome: 'goes on', tookMs: 4_000, lanes: [{ rank: 0 }] });
  });

  test('of many members the slowest are drawn', () => {
    const arrivals = Array.from({ length: 99 }, (_, at): Step => [300 + at, news('arrived', at + 1, 'joined')]);
    const status = answer({ steps: [...LAUNCH.slice(0, 2), ...arrivals] });
    const { launch } = viewOf({ ...status, worldSize: 100 }, new Map());
    expect(launch?.lanes.map(({ rank }) => rank)).toEqual([0, ...Array.from({ length: 31 }, (_, at) => at + 69)]);
    expect(launch?.hidden).toBe(68);
  });
});

describe('what a screen reader is told', () => {
  const before = view({ steps: READY, members: ALL });
  test.each([
    { when: 'at first', was: undefined, is: before, want: '' },
    { when: 'time passes', was: before, is: view({ steps: READY, members: ALL, now: 20_000 }), want: '' },
    {
      when: 'a worker goes',
      was: before,
      is: view({ steps: READY, members: [worker(0), worker(1), worker(2, { connected: false })] }),
      want: 'worker-2: gone.',
    },
    {
      when: 'the group begins anew',
      was: before,
      is: view({
        steps: [...READY, [9_500, { on: 'ended', ending: ending() }], [9_600, { on: 'generation', generation: 2 }]],
        members: [worker(0, { phase: 'joined' }), worker(1, { phase: 'joined' })],
      }),
      want: 'Fault: worker-2 stopped beating 3.1 s ago. Generation 2 begins. The group is not ready. head: joined. And 2 more changes.',
    },
  ])('$when: "$want"', ({ was, is, want }) => {
    expect(newsOf(was, is)).toBe(want);
  });
});
