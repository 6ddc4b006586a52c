import { describe, expect, test } from 'vitest';
import type { Ending, Hello } from '../../../src/launch/rally/rally.ts';
import { reached } from '../../../src/launch/rally/reducer.ts';
import type { Roll } from '../../../src/launch/rally/roll.ts';
import {
  closed,
  endings,
  type Happening,
  hello,
  holders,
  incarnation,
  play,
  reasons,
  rules,
  says,
  tick,
  told,
} from './fixture.ts';

const w1 = hello('worker-1', { wantedRank: 1, address: '10.0.0.1' });
const w2 = hello('worker-2', { wantedRank: 2, address: '10.0.0.2' });
const call = { address: '10.0.0.100:6379', secret: undefined };
const both: Happening[] = [
  [0, says(1, w1)],
  [0, says(2, w2)],
];
const order = { peers: [], serverArgs: [], values: {} };
const started: Happening[] = [...both, [0, { on: 'start', order }]];
const peers = [
  expect.objectContaining({ rank: 0, member: 'head' }),
  expect.objectContaining({ rank: 1, member: 'worker-1' }),
  expect.objectContaining({ rank: 2, member: 'worker-2' }),
];
const reason: Ending = {
  code: 'SERVER_EXITED',
  exitStatus: 3,
  message: 'server exited 3',
  hint: '',
  culprit: undefined,
};

describe('a group assembles', () => {
  test.each([
    { when: 'everybody asks for its rank', schedule: both },
    { when: 'they come in the other order', schedule: [both[1], both[0]] },
    {
      when: 'nobody asks for a rank',
      schedule: [
        [0, says(1, hello('worker-1'))],
        [5, says(2, hello('worker-2'))],
      ],
    },
    { when: 'one says hello twice', schedule: [both[0], both[0], both[1], both[1]] },
    { when: 'one came back meanwhile', schedule: [both[0], [1, closed(1)], [2, says(3, w1)], both[1]] },
  ] as { when: string; schedule: Happening[] }[])('when $when', ({ schedule }) => {
    const { roll, effects } = play(rules(), schedule);
    expect(effects.filter((effect) => effect.do === 'assembled')).toEqual([{ do: 'assembled', peers }]);
    expect(roll.stage).toBe('assembled');
  });

  test('of one at once', () => {
    expect(play(rules({ worldSize: 1 }), []).effects[0]).toMatchObject({ do: 'assembled', peers: [{ rank: 0 }] });
  });

  test('never while somebody is missing', () => {
    const { roll, effects } = play(rules(), [
      both[0]!,
      [1, says(3, hello('worker-1', { wantedRank: 1 }))],
      [2, closed(3)],
      [3, says(2, w2)],
    ]);
    expect(roll.stage).toBe('gathering');
    expect(effects.some((effect) => effect.do === 'assembled')).toBe(false);
  });

  test('a late listener hears what was said before: engine, start, phase', () => {
    const { last } = play(rules(), [
      [0, { on: 'prepare', call }],
      ...both,
      [1, { on: 'start', order }],
      [2, says(3, w1)],
    ]);
    expect(told(last, 3)).toEqual(['welcome 1', 'prepare', 'start']);
    expect(told(last, 1)).toEqual(['close']);
  });

  test('a worker hears of the head, not of a thousand others', () => {
    const all = Array.from({ length: 3 }, (_, rank) => ({ ...w1, rank }));
    const { last } = play(rules(), [...both, [1, { on: 'start', order: { ...order, peers: all } }]]);
    expect(last).toContainEqual({
      do: 'send',
      to: 1,
      message: { say: 'start', order: { ...order, peers: [all[0]] } },
    });
  });

  test('who is missing is listed once few are', () => {
    const logged = play(rules({ worldSize: 30 }), [
      [0, says(1, w1)],
      [0, says(2, hello('b', { wantedRank: 29 }))],
      ...Array.from({ length: 12 }, (_, at): Happening => [1, says(3 + at, hello(`c${at}`))]),
    ]).effects.flatMap((effect) => (effect.do === 'log' ? [effect.message] : []));
    expect(logged[0]).toBe('worker-1 at 10.0.0.1 is in as rank 1; 28 are missing');
    expect(logged.at(-1)).toBe('c11 at 10.0.0.1 is in as rank 13; missing: ranks 14-28');
  });

  test('start with somebody away ends the generation instead', () => {
    const { effects } = play(rules(), [...both, [1, closed(2)], [2, { on: 'start', order }]]);
    expect(endings(effects)).toMatchObject([{ code: 'GROUP_LOST', culprit: 'worker-2' }]);
  });
});

describe('ranks', () => {
  test.each([
    {
      when: 'none wanted',
      schedule: [
        [0, says(1, hello('b'))],
        [0, says(2, hello('a'))],
      ],
      want: { 0: 'head', 1: 'b', 2: 'a' },
    },
    {
      when: 'one wanted, one not',
      schedule: [
        [0, says(1, hello('b', { wantedRank: 1 }))],
        [0, says(2, hello('a'))],
      ],
      want: { 0: 'head', 1: 'b', 2: 'a' },
    },
    {
      when: 'a member came back',
      schedule: [
        [0, says(1, hello('b'))],
        [0, says(2, hello('a'))],
        [1, closed(1)],
        [2, says(3, hello('b'))],
      ],
      want: { 0: 'head', 1: 'b', 2: 'a' },
    },
    {
      when: 'a newer life of it came',
      schedule: [
        [0, says(1, hello('b'))],
        [1, says(3, hello('b', { incarnation: incarnation('b', 2) }))],
      ],
      want: { 0: 'head', 1: 'b' },
    },
    {
      when: 'it now wants another',
      schedule: [
        [0, says(1, hello('b'))],
        [1, closed(1)],
        [2, says(3, hello('b', { wantedRank: 2 }))],
      ],
      want: { 0: 'head', 2: 'b' },
    },
    {
      when: 'all prefer the ranks they had',
      schedule: [
        [0, says(1, hello('c', { preferredRank: 3 }))],
        [0, says(2, hello('a', { preferredRank: 1 }))],
        [0, says(3, hello('b', { preferredRank: 2 }))],
      ],
      want: { 0: 'head', 1: 'a', 2: 'b', 3: 'c' },
    },
    {
      when: 'a preferred one is held',
      schedule: [
        [0, says(1, hello('a', { wantedRank: 2 }))],
        [0, says(2, hello('b', { preferredRank: 2 }))],
      ],
      want: { 0: 'head', 1: 'b', 2: 'a' },
    },
    {
      when: 'a preferred one is kept for who lost its stream',
      schedule: [
        [0, says(1, hello('a'))],
        [1, closed(1)],
        [2, says(2, hello('b', { preferredRank: 1 }))],
      ],
      want: { 0: 'head', 1: 'a', 2: 'b' },
    },
    {
      when: 'preferred ones are the head’s or beyond the group',
      schedule: [
        [0, says(1, hello('a', { preferredRank: 0 }))],
        [0, says(2, hello('b', { preferredRank: 4 }))],
      ],
      want: { 0: 'head', 1: 'a', 2: 'b' },
    },
    {
      when: 'it has a rank and prefers another',
      schedule: [
        [0, says(1, hello('a'))],
        [1, closed(1)],
        [2, says(2, hello('a', { preferredRank: 3 }))],
      ],
      want: { 0: 'head', 1: 'a' },
    },
    {
      when: 'a wanted one is preferred to a preferred one',
      schedule: [[0, says(1, hello('a', { wantedRank: 2, preferredRank: 1 }))]],
      want: { 0: 'head', 2: 'a' },
    },
    {
      when: 'another name takes an abandoned one',
      schedule: [
        [0, says(1, hello('b'))],
        [1, closed(1)],
        [2, says(3, hello('c', { wantedRank: 1 }))],
      ],
      want: { 0: 'head', 1: 'c' },
    },
    {
      when: 'a free one is preferred to an abandoned one',
      schedule: [
        [0, says(1, hello('b'))],
        [1, closed(1)],
        [2, says(3, hello('c'))],
      ],
      want: { 0: 'head', 1: 'b', 2: 'c' },
    },
  ] as { when: string; schedule: Happening[]; want: object }[])('when $when → $want', ({ schedule, want }) => {
    expect(holders(play(rules({ worldSize: 4 }), schedule).roll)).toEqual(want);
  });

  test.each([
    {
      when: 'another member holds it',
      who: hello('c', { wantedRank: 1, address: '10.0.0.9' }),
      code: 'RANK_TAKEN',
      says: ['rank 1', 'worker-1 at 10.0.0.1', 'c at 10.0.0.9'],
    },
    {
      when: 'it is the head’s',
      who: hello('c', { wantedRank: 0 }),
      code: 'RANK_TAKEN',
      says: ['rank 0', 'head at 10.0.0.100'],
    },
    {
      when: 'it is beyond the group',
      who: hello('c', { wantedRank: 3 }),
      code: 'TOPOLOGY_INVALID',
      says: ['rank 3', 'ranks 0 to 2'],
    },
    {
      when: 'the name is the head’s',
      who: hello('head', { wantedRank: 2 }),
      code: 'RANK_TAKEN',
      says: ['"head"', '10.0.0.100'],
    },
  ])('refused when $when → $code', ({ who, code, says: words }) => {
    const { last, roll } = play(rules(), [
      [0, says(1, w1)],
      [1, says(9, who)],
    ]);
    expect(told(last, 9)).toEqual([`refused ${code}`, 'close']);
    for (const word of words) expect(reasons(last, 9)).toContain(word);
    expect(holders(roll)).toEqual({ 0: 'head', 1: 'worker-1' });
  });

  test('the last seat is gone: refused, naming who has them', () => {
    const { last } = play(rules({ worldSize: 2 }), [
      [0, says(1, w1)],
      [1, says(9, hello('c'))],
    ]);
    expect(told(last, 9)).toEqual(['refused RANK_TAKEN', 'close']);
    expect(reasons(last, 9)).toContain('the group of 2 members is complete');
  });

  test('no free seat but an abandoned one: the newcomer gets it, the group is complete', () => {
    const away: Happening[] = [
      [0, says(1, hello('a'))],
      [1, closed(1)],
      [2, says(2, hello('b'))],
    ];
    const { roll } = play(rules(), [...away, [3, says(3, hello('c'))]]);
    expect(roll.stage).toBe('assembled');
    expect(holders(roll)).toEqual({ 0: 'head', 1: 'c', 2: 'b' });
  });
});

describe('agreement', () => {
  const self = hello('head', {
    terms: { tp: '4', pp: '2', only: 'head' },
    versions: { muster: '1', ray: '2' },
    fingerprint: 'aa',
  });
  test.each([
    { when: 'a term differs', who: { terms: { tp: '8' } }, code: 'PLAN_MISMATCH', words: ['tp: head "4", c "8"'] },
    {
      when: 'two terms differ',
      who: { terms: { tp: '8', pp: '1' } },
      code: 'PLAN_MISMATCH',
      words: ['tp: head "4", c "8"', 'pp: head "2", c "1"'],
    },
    {
      when: 'a version differs',
      who: { versions: { ray: '3' } },
      code: 'VERSION_MISMATCH',
      words: ['ray: head "2", c "3"'],
    },
    { when: 'the model differs', who: { fingerprint: 'bb' }, code: 'MODEL_MISMATCH', words: ['head "aa", c "bb"'] },
    {
      when: 'everything differs',
      who: { terms: { tp: '8' }, versions: { muster: '9' }, fingerprint: 'bb' },
      code: 'VERSION_MISMATCH+PLAN_MISMATCH+MODEL_MISMATCH',
      words: ['"4"', '"8"', '"1"', '"9"', '"aa"', '"bb"'],
    },
    {
      when: 'a value would forge a line',
      who: { terms: { tp: '8\nmuster: all is well' } },
      code: 'PLAN_MISMATCH',
      words: ['"8\\x0amuster: all is well"'],
    },
  ])('refused when $when → $code', ({ who, code, words }) => {
    const { last } = play(rules({ self }), [[0, says(9, hello('c', { terms: {}, versions: {}, ...who }))]]);
    expect(told(last, 9)).toEqual([`refused ${code}`, 'close']);
    for (const word of words) expect(reasons(last, 9)).toContain(word);
  });

  test.each([
    { when: 'a name only the head has', who: { terms: { tp: '4' } } },
    { when: 'a name only the member has', who: { terms: { tp: '4', mine: 'x' } } },
    { when: 'a fingerprint only the head has', who: { fingerprint: undefined } },
    { when: 'a name of every object', who: { terms: { toString: 'x' } } },
  ] as { when: string; who: Partial<Hello> }[])('seated with $when', ({ who }) => {
    const { last } = play(rules({ self }), [[0, says(9, hello('c', { terms: {}, versions: {}, ...who }))]]);
    expect(told(last, 9)).toEqual(['welcome 1']);
  });

  test.each([
    { when: 'too few', counts: [2, 2, 3], want: 'DEVICES_SHORT' },
    { when: 'enough', counts: [2, 2, 4], want: undefined },
    { when: 'one not counted', counts: [2, undefined, 1], want: undefined },
  ])('devices: $when → $want', ({ counts, want }) => {
    const given = rules({ self: hello('head', { devices: counts[0] }), devicesNeeded: 8 });
    const { effects } = play(given, [
      [0, says(1, { ...w1, devices: counts[1] })],
      [0, says(2, { ...w2, devices: counts[2] })],
    ]);
    const [ending] = endings(effects);
    expect(ending?.code).toBe(want);
    if (!want) return;
    expect(ending?.message).toBe('the plan needs 8 devices, the 3 members have 7: head 2, worker-1 2, worker-2 3');
    expect(told(effects, 1)).toEqual(['welcome 1', 'stop DEVICES_SHORT', 'close']);
    expect(told(effects, 2)).toEqual(['welcome 2', 'stop DEVICES_SHORT', 'close']);
    expect(effects.some((effect) => effect.do === 'assembled')).toBe(false);
  });
});

describe('fencing', () => {
  const newer = { ...w1, incarnation: incarnation('worker-1', 2) };
  test('a newer life replaces the older, which is told and never seated again (fault 20)', () => {
    const { effects, last, roll } = play(rules(), [
      [0, says(1, w1)],
      [1, says(3, newer)],
      [2, says(4, w1)],
    ]);
    expect(told(effects, 1)).toEqual(['welcome 1', 'refused FENCED', 'close']);
    expect(told(effects, 3)).toEqual(['welcome 1']);
    expect(told(last, 4)).toEqual(['refused FENCED', 'close']);
    expect(roll.places.get(1)?.hello.incarnation).toBe(newer.incarnation);
  });

  test('the same life on a new stream only closes the old stream (fault 26)', () => {
    const { effects } = play(rules(), [
      [0, says(1, w1)],
      [1, says(3, w1)],
      [2, closed(1)],
    ]);
    expect(told(effects, 1)).toEqual(['welcome 1', 'close']);
    expect(told(effects, 3)).toEqual(['welcome 1']);
  });

  test('a newer life after all were in ends the generation; it may come to the next', () => {
    const { effects, last } = play(rules(), [...both, [5, says(3, newer)]]);
    expect(endings(effects)).toMatchObject([
      {
        code: 'GROUP_LOST',
        culprit: 'worker-1',
        message: 'generation 1 ended: worker-1 (rank 1) was restarted while the group was running',
      },
    ]);
    expect(told(last, 3)).toEqual(['later GROUP_LOST', 'close']);
    expect(told(last, 2)).toEqual(['stop GROUP_LOST', 'close']);
  });
});

describe('time', () => {
  const silentTick: Happening = [4000, tick(0, [[1, 4000]])];
  test('a silent member before the group is complete loses its stream, not its seat', () => {
    const { last, roll } = play(rules(), [
      [0, says(1, w1)],
      [3500, tick()],
    ]);
    expect(told(last, 1)).toEqual(['close']);
    expect(roll.stage).toBe('gathering');
    expect(roll.places.get(1)?.conn).toBeUndefined();
  });

  test.each([
    {
      when: 'started',
      schedule: [...started, silentTick],
      message: 'generation 1 ended: worker-2 (rank 2) stopped beating 4 s ago',
    },
    {
      when: 'assembled',
      schedule: [...both, silentTick],
      message: 'generation 1 ended: worker-2 (rank 2) stopped beating 4 s ago',
    },
    {
      when: 'gone since assembled',
      schedule: [...both, [900, closed(2)], silentTick],
      message: 'generation 1 ended: worker-2 (rank 2) closed its connection 3.1 s ago and did not come back',
    },
  ] as { when: string; schedule: Happening[]; message: string }[])(
    'a silent member when $when ends the generation',
    ({ schedule, message }) => {
      const { last } = play(rules(), schedule);
      expect(endings(last)).toMatchObject([{ code: 'GROUP_LOST', exitStatus: 79, culprit: 'worker-2', message }]);
      expect(told(last, 1)).toEqual(['stop GROUP_LOST', 'close']);
    },
  );

  test('our own stall kills nobody', () => {
    const { roll, effects } = play(rules(), [
      ...started,
      [9000, tick(1001)],
      [
        9100,
        tick(0, [
          [1, 9050],
          [2, 9060],
        ]),
      ],
    ]);
    expect(roll.stage).toBe('started');
    expect(endings(effects)).toEqual([]);
  });

  test('after our own stall, leases begin anew: what waits to be read may take its time', () => {
    const schedule: Happening[] = [...started, [9000, tick(1001)], [11_900, tick()]];
    expect(play(rules(), schedule).roll.stage).toBe('started');
    const { last } = play(rules(), [...schedule, [12_100, tick()]]);
    expect(endings(last)).toMatchObject([
      { message: 'generation 1 ended: worker-1 (rank 1) stopped beating 12 s ago' },
    ]);
  });

  test('a beat that is told late does not turn the clock back', () => {
    const { roll } = play(rules(), [...started, [2000, tick(0, [[1, 2000]])], [2100, tick(0, [[1, 1500]])]]);
    expect(roll.places.get(1)?.heardAt).toBe(2000);
  });

  test('a member back within its lease goes on', () => {
    const { roll } = play(rules(), [
      ...both,
      [1000, closed(2)],
      [2000, says(3, w2)],
      [
        3500,
        tick(0, [
          [1, 3400],
          [3, 3400],
        ]),
      ],
    ]);
    expect(roll.stage).toBe('assembled');
  });

  test('the deadline names the missing, the gone and the refused, and tells everybody', () => {
    const schedule: Happening[] = [
      [1000, says(4, w2)],
      [2000, closed(4)],
      [2500, says(1, w1)],
      [3000, says(9, hello('worker-9', { terms: { runtime: 'sglang' }, address: '10.0.0.9' }))],
      [60_000, tick(0, [[1, 60_000]])],
    ];
    const { last } = play(rules({ timeoutMs: 60_000 }), schedule);
    expect(endings(last)).toMatchObject([{ code: 'RALLY_TIMEOUT', exitStatus: 75 }]);
    const message = endings(last)[0]!.message;
    expect(message).toContain('1 of 3 members missing: rank 2 (worker-2, gone 58 s ago)');
    expect(message).toContain('worker-9 at 10.0.0.9 (plan, PLAN_MISMATCH, 57 s ago: ');
    expect(message).toContain('runtime: head "vllm", worker-9 "sglang"');
    expect(told(last, 1)).toEqual(['stop RALLY_TIMEOUT', 'close']);
  });

  test('the waiting is told every progressMs', () => {
    const lines = play(rules(), [
      [0, says(1, w1)],
      [2000, tick(0, [[1, 2000]])],
      [15_000, tick(0, [[1, 15_000]])],
      [16_000, tick(0, [[1, 16_000]])],
    ]).effects.flatMap((effect) => (effect.do === 'log' ? [effect.message] : []));
    expect(lines.slice(1)).toEqual([
      'waiting 15 s of 600 s: 1 of 3 members missing: rank 2; next step: look at the logs of the missing members',
    ]);
  });

  test('nothing times out once the group is complete', () => {
    expect(play(rules({ timeoutMs: 10 }), [...started, [2000, tick()]]).roll.stage).toBe('started');
  });
});

describe('going', () => {
  test('a closed stream after the start ends the generation for all', () => {
    const { last } = play(rules(), [...started, [5, closed(2)]]);
    expect(endings(last)).toMatchObject([
      { message: 'generation 1 ended: worker-2 (rank 2) closed its connection', culprit: 'worker-2', exitStatus: 79 },
    ]);
    expect(told(last, 1)).toEqual(['stop GROUP_LOST', 'close']);
  });

  test('a member that handed over may close and be silent', () => {
    const { roll } = play(rules(), [
      ...started,
      [5, { on: 'hand-over', conn: 2 }],
      [6, closed(2)],
      [2000, tick(0, [[1, 2000]])],
      [4000, tick(0, [[1, 4000]])],
    ]);
    expect(roll.stage).toBe('started');
    expect(reached(roll, 'ready')).toBe(false);
  });

  test('a member’s reason becomes everybody’s', () => {
    const { last } = play(rules(), [...started, [5, { on: 'leave', conn: 2, ending: reason }]]);
    expect(endings(last)).toEqual([{ ...reason, culprit: 'worker-2' }]);
    expect(told(last, 1)).toEqual(['stop SERVER_EXITED', 'close']);
  });

  test('before all are in, a leaving member frees its seat for anybody', () => {
    const { roll } = play(rules(), [
      [0, says(1, w1)],
      [1, { on: 'leave', conn: 1, ending: reason }],
    ]);
    expect(roll.stage).toBe('gathering');
    expect(holders(roll)).toEqual({ 0: 'head' });
  });

  test('a member that says it is stopping asks for the end, and nobody is told to stop yet', () => {
    const { last, roll } = play(rules(), [...started, [5, { on: 'report', conn: 2, phase: 'stopping' }]]);
    expect(endings(last)).toMatchObject([{ code: 'STOPPED', culprit: 'worker-2' }]);
    expect(told(last, 1)).toEqual([]);
    expect(roll.stage).toBe('started');
  });

  test.each([
    { when: 'its stream closes', next: closed(2) },
    { when: 'another one is lost', next: closed(1) },
    { when: 'it leaves with another reason', next: { on: 'leave', conn: 2, ending: reason } },
    { when: 'the head stops with another reason', next: { on: 'stop', ending: reason } },
    { when: 'a lease runs out', next: tick() },
  ] as { when: string; next: Happening[1] }[])(
    'once a member was asked to stop, all are told so when $when',
    ({ next }) => {
      const stopping: Happening = [5, { on: 'report', conn: 2, phase: 'stopping' }];
      const { effects, last, roll } = play(rules(), [...started, stopping, [4000, next]]);
      expect(roll.stage).toBe('over');
      expect(endings(effects)).toMatchObject([{ code: 'STOPPED', culprit: 'worker-2' }]);
      expect(roll.ending).toBe(endings(effects)[0]);
      for (const conn of [1, 2])
        if (next.on !== 'closed' || next.conn !== conn) expect(told(last, conn)).toEqual(['stop STOPPED', 'close']);
    },
  );

  test('the first reason wins', () => {
    const { effects } = play(rules(), [
      ...started,
      [5, { on: 'leave', conn: 2, ending: reason }],
      [6, closed(1)],
      [7, closed(2)],
      [8, { on: 'stop', ending: { ...reason, code: 'BUG' } }],
      [99_000, tick()],
    ]);
    expect(endings(effects)).toEqual([{ ...reason, culprit: 'worker-2' }]);
  });

  test('who comes when it is over is asked to come again', () => {
    const { last } = play(rules(), [
      [0, { on: 'stop', ending: reason }],
      [1, says(1, w1)],
    ]);
    expect(told(last, 1)).toEqual(['later SERVER_EXITED', 'close']);
  });
});

describe('phases', () => {
  const report = (conn: number, phase: 'engine' | 'ready' | 'stopping'): Happening => [
    1,
    { on: 'report', conn, phase },
  ];
  test.each([
    { when: 'nobody reported', reports: [], want: false },
    { when: 'one did', reports: [report(1, 'engine')], want: false },
    { when: 'both did', reports: [report(1, 'engine'), report(2, 'engine')], want: true },
    { when: 'one is further', reports: [report(1, 'engine'), report(2, 'ready')], want: true },
    { when: 'one is stopping', reports: [report(1, 'engine'), report(2, 'stopping')], want: false },
  ])('engine is reached when $when → $want', ({ reports, want }) => {
    expect(reached(play(rules(), [...both, ...reports]).roll, 'engine')).toBe(want);
  });

  test('not while somebody has no seat', () => {
    expect(reached(play(rules(), [both[0]!]).roll, 'joined')).toBe(false);
  });

  test('the head’s phase is told once', () => {
    const { effects } = play(rules(), [
      ...both,
      [1, { on: 'head-phase', phase: 'ready' }],
      [2, { on: 'head-phase', phase: 'ready' }],
    ]);
    expect(told(effects, 1)).toEqual(['welcome 1', 'phase ready']);
  });
});

describe('refusals at the door', () => {
  test('are counted, logged at most once a second, and forgotten beyond sixteen', () => {
    const away = (who: string): Happening[1] => ({
      on: 'turned-away',
      who,
      refusal: { code: 'TOKEN_WRONG', message: 'x', hint: '' },
    });
    const many: Happening[] = Array.from({ length: 40 }, (_, index) => [1 + index, away(`v${index}`)]);
    const { roll, effects }: { roll: Roll; effects: readonly { do: string }[] } = play(rules(), [
      [0, away('a')],
      [0, away('a')],
      ...many,
    ]);
    expect(roll.visitors).toHaveLength(16);
    expect(effects.filter((effect) => effect.do === 'log')).toHaveLength(1);
  });
});
