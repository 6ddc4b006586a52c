import { expect, test } from 'vitest';
import { familyOf } from '../../../src/process/family.ts';

const entry = (pid: number, parent: number, session: number) => ({ pid, parent, group: session, session, started: 1 });
const OWN = 9;

test.each([
  { when: 'a child', table: [entry(10, 9, 10), entry(11, 10, 11)], want: [10, 11] },
  {
    when: 'a grandchild, whatever the order',
    table: [entry(12, 11, 12), entry(11, 10, 11), entry(10, 9, 10)],
    want: [12, 11, 10],
  },
  { when: 'an orphan in the session', table: [entry(10, 9, 10), entry(11, 1, 10)], want: [10, 11] },
  {
    when: 'a child of such an orphan',
    table: [entry(12, 11, 12), entry(10, 9, 10), entry(11, 1, 10)],
    want: [12, 10, 11],
  },
  { when: 'nobody by our own session', table: [entry(10, 9, OWN), entry(11, 1, OWN)], want: [10] },
  { when: 'nobody by the kernel’s session', table: [entry(10, 9, 0), entry(2, 0, 0)], want: [10] },
  { when: 'no stranger', table: [entry(10, 9, 10), entry(30, 1, 30)], want: [10] },
  { when: 'nobody without a seed', table: [entry(30, 1, 30)], want: [] },
])('a family takes in $when', ({ table, want }) => {
  expect(familyOf(table, ({ pid }) => pid === 10, OWN).map(({ pid }) => pid)).toEqual(want);
});
