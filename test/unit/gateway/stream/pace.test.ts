import { expect, test } from 'vitest';
import { Pace } from '../../../../src/gateway/stream/pace.ts';

/** What each of the writes is told: milliseconds to gather. */
function told(writes: readonly { readonly after: number; readonly answers?: number }[]): number[] {
  const pace = new Pace();
  let now = 1_000;
  return writes.map(({ after, answers = 1 }) => {
    now += after;
    return pace.taken(now, answers);
  });
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

test('the first answers never wait, however fast they come', () => {
  expect(told(times(8, { after: 0 }))).toEqual(times(8, 0));
});

test('answers that go on to come faster than one a millisecond are gathered', () => {
  expect(told(times(12, { after: 0.3 })).slice(8)).toEqual(times(4, 4));
  const gathered = [...times(9, { after: 0.3 }), ...times(3, { after: 4.2, answers: 12 })];
  expect(told(gathered).slice(9)).toEqual(times(3, 4));
});

test('one that comes later than that ends it', () => {
  const slower = [...times(9, { after: 0.3 }), { after: 4.2, answers: 2 }, { after: 0.3 }];
  expect(told(slower).slice(8)).toEqual([4, 0, 0]);
});

test('a token every few milliseconds never waits', () => {
  expect(told(times(100, { after: 3 }))).toEqual(times(100, 0));
});
