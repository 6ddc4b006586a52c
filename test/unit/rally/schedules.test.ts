/** Random schedules against a model: what must hold whatever happens, in whatever order. No clock but the schedule's. */

import { expect, test } from 'vitest';
import type { Phase } from '../../../src/launch/rally/rally.ts';
import { open, reached, reduce } from '../../../src/launch/rally/reducer.ts';
import type { Effect, Event, Roll } from '../../../src/launch/rally/roll.ts';
import fc from '../../property.ts';
import { hello, incarnation, rules } from './fixture.ts';

const SIZE = 4;
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const GIVEN = rules({ worldSize: SIZE, timeoutMs: 20_000, self: hello('head', { terms: { tp: '4' } }) });

const conn = fc.integer({ min: 1, max: 12 });
const who = fc.record({
  member: fc.constantFrom(...NAMES),
  life: fc.integer({ min: 1, max: 3 }),
  wantedRank: fc.option(fc.integer({ min: 0, max: SIZE + 1 }), { nil: undefined }),
  tp: fc.constantFrom('4', '4', '4', '8'),
});
const said = who.map(({ member, life, wantedRank, tp }) =>
  hello(member, { incarnation: incarnation(member, life), wantedRank, terms: { tp } }),
);
const ending = { code: 'SERVER_EXITED', exitStatus: 1, message: 'x', hint: '', culprit: undefined } as const;
const order = { peers: [], serverArgs: [], values: {} };

type Step = [waitMs: number, event: Event];
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ on: fc.constant('hello' as const), conn, hello: said }) },
  { weight: 3, arbitrary: fc.record({ on: fc.constant('closed' as const), conn }) },
  { weight: 1, arbitrary: fc.record({ on: fc.constant('leave' as const), conn, ending: fc.constant(ending) }) },
  { weight: 1, arbitrary: fc.record({ on: fc.constant('hand-over' as const), conn }) },
  {
    weight: 3,
    arbitrary: fc.record({
      on: fc.constant('report' as const),
      conn,
      phase: fc.constantFrom<Phase>('engine', 'ready', 'stopping'),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Event>({ on: 'start', order }) },
  { weight: 1, arbitrary: fc.constant<Event>({ on: 'prepare', call: { address: 'h:1', secret: undefined } }) },
  {
    weight: 6,
    arbitrary: fc.record({
      on: fc.constant('tick' as const),
      lateMs: fc.constantFrom(0, 0, 0, 5000),
      heard: fc.array(fc.tuple(conn, fc.nat(30_000)), { maxLength: 12 }).map((pairs) => new Map(pairs)),
    }),
  },
);
/** Where a schedule begins: left to chance alone, hardly one in a hundred would get a whole group together. */
const arrivals: Step[] = NAMES.slice(0, SIZE - 1).map((name, index) => [
  0,
  { on: 'hello', conn: index + 1, hello: hello(name, { terms: { tp: '4' } }) },
]);
const beginning = fc.constantFrom<Step[]>([], arrivals.slice(1), arrivals, [...arrivals, [0, { on: 'start', order }]]);
const schedule = fc
  .tuple(beginning, fc.array(fc.tuple(fc.integer({ min: 0, max: 1500 }), event), { maxLength: 60 }))
  .map(([first, rest]) => [...first, ...rest]);

interface History {
  assembled: number;
  ended: number;
  /** Who holds a rank, told to whom: stream to rank. */
  readonly fenced: Set<string>;
}

function check(before: Roll, after: Roll, effects: readonly Effect[], history: History): void {
  const places = [...after.places.values()];
  // Ranks are unique: among members and among streams, the head always has 0, nobody is beyond the group.
  expect(new Set(places.map(({ hello: { member } }) => member)).size).toBe(places.length);
  const streams = places.flatMap((place) => place.conn ?? []);
  expect(new Set(streams).size).toBe(streams.length);
  expect(after.places.get(0)?.hello.member).toBe('head');
  for (const place of places) {
    expect(place.rank).toBeLessThan(SIZE);
    expect(after.places.get(place.rank)).toBe(place);
    expect(after.places.named(place.hello.member)).toBe(place);
    if (place.conn !== undefined) expect(after.places.of(place.conn)).toBe(place);
  }
  expect(after.places.size).toBe(places.length);
  expect(after.places.present).toBe(places.filter(({ rank, conn: stream }) => rank === 0 || stream).length);
  // Incarnations are monotone: one that was replaced never holds a seat again.
  for (const incarnationOf of before.fenced) history.fenced.add(incarnationOf);
  for (const { hello: each } of places) expect(history.fenced.has(each.incarnation)).toBe(false);
  for (const effect of effects) checkEffect(after, effect, history);
  // Stages only go on.
  const stages = ['gathering', 'assembled', 'started', 'over'];
  expect(stages.indexOf(after.stage)).toBeGreaterThanOrEqual(stages.indexOf(before.stage));
  if (after.stage === 'assembled' || after.stage === 'started') expect(after.places.size).toBe(SIZE);
}

function checkEffect(after: Roll, effect: Effect, history: History): void {
  if (effect.do === 'assembled') {
    history.assembled += 1;
    expect(effect.peers.map(({ rank }) => rank)).toEqual([...Array(SIZE).keys()]);
    expect([...after.places.values()].every(({ rank, conn: stream }) => rank === 0 || stream !== undefined)).toBe(true);
  }
  if (effect.do === 'ended') history.ended += 1;
  if (effect.do !== 'send') return;
  const { message } = effect;
  if (message.say === 'start') expect(history.assembled).toBe(1);
  if (message.say === 'welcome') expect(after.places.get(message.seat.rank)?.conn).toBe(effect.to);
  if (message.say !== 'refused') return;
  for (const { code, message: words } of message.refusals) {
    if (code === 'PLAN_MISMATCH') expect(words).toMatch(/tp: head "4", \w+ "8"/);
    if (code === 'TOPOLOGY_INVALID') expect(words).toMatch(/rank \d+, the group has ranks 0 to 3/);
    if (code === 'RANK_TAKEN') expect(words).toMatch(/head|holds|all are here|is complete/);
  }
}

test('every schedule keeps ranks unique, starts only whole groups, and ends once (fault 25)', () => {
  fc.assert(
    fc.property(schedule, (steps) => {
      const history: History = { assembled: 0, ended: 0, fenced: new Set() };
      let { roll } = open(GIVEN, 0);
      let now = 0;
      for (const [wait, happening] of steps) {
        now += wait;
        const step = reduce(roll, happening, now);
        check(roll, step.roll, step.effects, history);
        roll = step.roll;
      }
      expect(history.assembled).toBeLessThanOrEqual(1);
      // A member that is asked to stop ends the group by and by: the head drains first, then tells it.
      expect(history.ended).toBe(roll.ending ? 1 : 0);
      if (roll.stage === 'over') expect(roll.ending).toBeDefined();
      // Whatever is open ends: by its deadline, or by silence.
      now += GIVEN.timeoutMs + GIVEN.leaseMs;
      const closing = reduce(roll, { on: 'tick', heard: new Map(), lateMs: 0 }, now);
      const watched = [...roll.places.values()].filter(({ rank, phase }) => rank !== 0 && phase !== 'handed-over');
      if (watched.length > 0 || roll.stage === 'gathering') expect(closing.roll.stage).toBe('over');
    }),
    { numRuns: 2000, seed: 20261121 },
  );
});

test('events said twice change nothing the second time (fault 25)', () => {
  fc.assert(
    fc.property(schedule, (steps) => {
      let { roll } = open(GIVEN, 0);
      let now = 0;
      for (const [wait, happening] of steps) {
        now += wait;
        const once = reduce(roll, happening, now).roll;
        const twice = reduce(once, happening, now).roll;
        expect(seats(twice)).toEqual(seats(once));
        expect(twice.stage).toBe(once.stage);
        expect(reached(twice, 'ready')).toBe(reached(once, 'ready'));
        roll = once;
      }
    }),
    { numRuns: 500, seed: 7 },
  );
});

const seats = ({ places }: Roll) =>
  [...places.values()]
    .sort((a, b) => a.rank - b.rank)
    .map(({ rank, conn: stream, hello: { incarnation: life } }) => ({ rank, stream, life }));
