import { describe, expect, test } from 'vitest';
import { inWords, isSegment, type Leftover, mayGo, olderSessions } from '../../../src/launch/start/leftovers.ts';

test.each([
  ['nccl-a1B2c3', true],
  ['psm_0d3c4b12', true],
  ['torch_4711_1_0', true],
  ['triton_python_backend_shm_region_01667451-6c50-4f70-83d9-c42ee252e160', true],
  ['psm_', false],
  ['psm_a b', false],
  ['my-psm_1', false],
  ['sem.mp-1', false],
  ['PostgreSQL.1234', false],
  ['ncclx-1', false],
])('%s is one of theirs: %s', (name, want) => expect(isSegment(name)).toBe(want));

describe('what may go', () => {
  const file = (name: string, how: Partial<Leftover> = {}): Leftover => ({
    name,
    bytes: 1,
    uid: 7,
    changedAt: 90,
    ...how,
  });
  test.each([
    { when: 'ours, old and nobody’s', each: file('a'), want: true },
    { when: 'held', each: file('held'), want: false },
    { when: 'of another user', each: file('a', { uid: 0 }), want: false },
    { when: 'changed since', each: file('a', { changedAt: 100 }), want: false },
  ])('$when: $want', ({ each, want }) => {
    const rules = { uid: 7, held: new Set(['held']), before: 100 };
    expect(mayGo([each], rules)).toEqual(want ? [each] : []);
    expect(mayGo([each], { ...rules, held: undefined })).toEqual([]);
  });

  test('of sessions all but the newest', () => {
    const [old, older, newest] = [
      file('b', { changedAt: 2 }),
      file('a', { changedAt: 1 }),
      file('c', { changedAt: 3 }),
    ];
    expect(olderSessions([old, older, newest])).toEqual([old, older]);
    expect(olderSessions([newest])).toEqual([]);
  });
});

test('is told with sizes, and not at any length', () => {
  const many = Array.from(
    { length: 20 },
    (_, at): Leftover => ({ name: `psm_${at}`, bytes: 2 ** 20, uid: 0, changedAt: 0 }),
  );
  expect(inWords('file', many.slice(0, 2))).toBe('2 files of 2.0 MiB: psm_0 (1.0 MiB), psm_1 (1.0 MiB)');
  expect(inWords('file', many)).toMatch(/^20 files of 20\.0 MiB: .*psm_7 \(1\.0 MiB\), …$/);
});
