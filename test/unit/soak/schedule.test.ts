import { expect, test } from 'vitest';
import { KINDS, scheduleOf } from '../../soak/schedule.ts';

const SEEDS = [0, 1, 7, 2 ** 31, 2 ** 32 - 1];

test('the same seed gives the same faults, another one others; a longer run begins like a shorter one', () => {
  for (const seed of SEEDS) expect(scheduleOf(seed, 200, 4)).toEqual(scheduleOf(seed, 200, 4));
  expect(scheduleOf(1, 50, 4)).not.toEqual(scheduleOf(2, 50, 4));
  expect(scheduleOf(3, 200, 4).slice(0, 20)).toEqual(scheduleOf(3, 20, 4));
});

test.each(SEEDS)('seed %d: every kind in turn, to somebody it can hit, twice to nobody at once', (seed) => {
  const faults = scheduleOf(seed, 10 * KINDS.length, 4);
  for (const kind of KINDS) expect(faults.filter((fault) => fault.kind === kind)).toHaveLength(10);
  for (const { kind, rank, other, afterMs } of faults) {
    expect(other).not.toBe(rank);
    if (kind.endsWith('-head') && kind !== 'kill-worker-then-head') expect(rank).toBe(0);
    if (!kind.endsWith('-head') && !kind.endsWith('-server')) expect(rank).toBeGreaterThan(0);
    if (kind === 'kill-worker-then-head') expect([rank > 0, other]).toEqual([true, 0]);
    if (kind === 'kill-two') expect(other).toBeGreaterThan(0);
    expect(rank).toBeLessThan(4);
    expect(afterMs).toBeGreaterThanOrEqual(0);
    expect(afterMs).toBeLessThan(1_500);
  }
});

test('every rank has its turn', () => {
  const faults = scheduleOf(5, 200, 4);
  for (const kind of ['kill-worker', 'freeze-worker', 'cut'])
    expect(new Set(faults.filter((fault) => fault.kind === kind).map(({ rank }) => rank))).toEqual(new Set([1, 2, 3]));
});
