import { describe, expect, test } from 'vitest';
import type { Round } from '../../../src/bench/messages.ts';
import { isMeasured, quantile, rowOf } from '../../../src/bench/summary.ts';

const round = (latencies: number[], over: Partial<Round> = {}): Round => ({
  latencies: Float64Array.from(latencies),
  tookMs: 1000,
  cpuMs: 10,
  errors: [],
  ...over,
});
const sizes = { sent: 100, got: 10 };

describe('rounds become a row', () => {
  test('of medians over the rounds', () => {
    const rounds = [
      round([1, 2, 3, 4, 5], { cpuMs: 50 }),
      round([10, 20, 30, 40, 90], { cpuMs: 5 }),
      round([6, 7, 8, 9, 9], { tookMs: 500, cpuMs: 10 }),
    ];
    expect(rowOf({ way: 'raw', tried: sizes, rounds })).toEqual({
      way: 'raw',
      name: 'gRPC, raw',
      leftOut: undefined,
      ...sizes,
      answered: 15,
      p50: 8,
      p99: 9,
      perSecond: 5,
      cpuMs: 2,
      errors: [],
    });
  });

  test('errors are added up by kind, and a round without an answer is no part of the medians', () => {
    const late = { kind: 'gRPC 4', words: 'too late', count: 2 };
    const rounds = [
      round([], { errors: [late] }),
      round([4], { errors: [late, { kind: 'gRPC 8', words: 'full', count: 1 }] }),
    ];
    const row = rowOf({ way: 'typed', tried: sizes, rounds });
    expect(row).toMatchObject({
      p50: 4,
      answered: 1,
      errors: [
        { ...late, count: 4 },
        { kind: 'gRPC 8', count: 1 },
      ],
    });
    expect(isMeasured(row)).toBe(true);
  });

  test('one that was left out says why, and is not measured', () => {
    const row = rowOf({ way: 'json', tried: { leftOut: 'no --rest' }, rounds: [] });
    expect(row).toMatchObject({ leftOut: 'no --rest', answered: 0, p50: Number.NaN });
    expect(isMeasured(row)).toBe(false);
  });
});

test.each([
  { values: [], p: 0.5, want: Number.NaN },
  { values: [7], p: 0.99, want: 7 },
  { values: [3, 1, 2], p: 0.5, want: 2 },
  { values: [1, 2, 3, 4], p: 0.5, want: 3 },
  { values: Array.from({ length: 1000 }, (_, i) => i), p: 0.99, want: 990 },
])('at $p of $values is $want', ({ values, p, want }) => {
  expect(quantile(Float64Array.from(values), p)).toBe(want);
});
