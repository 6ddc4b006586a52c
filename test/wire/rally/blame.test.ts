/** Several servers end within milliseconds: what everybody is told. */
import { describe, expect, test } from 'vitest';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { aStartedGroup } from './fixture.ts';

const exited = (who: string, exitStatus: number): Ending => ({
  code: 'SERVER_EXITED',
  exitStatus,
  message: `the server of ${who} ended with ${exitStatus}`,
  hint: '',
  culprit: who,
});

describe('of servers that end together', () => {
  test.each([
    { when: 'one with a status', ends: [['b', 1]], culprit: 'b' },
    {
      when: "a consequence before the head's own",
      ends: [
        ['b', 1],
        ['head', 1],
      ],
      culprit: 'head',
    },
    {
      when: "the head's own before a kill elsewhere",
      ends: [
        ['head', 1],
        ['b', 137],
      ],
      culprit: 'b',
    },
    {
      when: 'two consequences before a kill',
      ends: [
        ['a', 1],
        ['b', 1],
        ['head', 137],
      ],
      culprit: 'head',
    },
    {
      when: 'two with a status',
      ends: [
        ['a', 3],
        ['b', 4],
      ],
      culprit: 'a or b',
    },
  ] as const)('$when: $culprit is named, by all', async ({ ends, culprit }) => {
    // Time for all of them to be heard, on a machine that has other work.
    const { head, members } = await aStartedGroup(['a', 'b'], { settleMs: 1_500 });
    const [a, b] = members;
    let own: Promise<Ending> | undefined;
    for (const [who, status] of ends) {
      if (who === 'head') own = head.blame?.(exited('head', status));
      else (who === 'a' ? a : b)?.blame(exited(who, status));
    }
    const told = await Promise.all([head.ended, a!.ended, b!.ended, own ?? head.ended]);
    const named = new Set(told.map((ending) => ending.culprit ?? 'nobody'));
    expect(named.size).toBe(1);
    expect(culprit.split(' or ')).toEqual(expect.arrayContaining([...named]));
  });

  test('before the start nobody is asked: the seat is free', async () => {
    const { head, members } = await aStartedGroup(['a']);
    expect(members[0]!.blame(exited('a', 1))).toBe(true);
    await head.ended;
    await members[0]!.ended;
    expect(members[0]!.blame(exited('a', 1))).toBe(false);
  });
});

test('a silent member is awaited before a server that ended with a status is blamed: it is the one that is lost', async () => {
  const { head, members, wires } = await aStartedGroup(['a', 'b'], { leaseMs: 3_000 });
  wires[1]!.mute();
  await new Promise((resolve) => setTimeout(resolve, 250)); // the fault itself: two beats of b are missed
  const own = await head.blame?.(exited('head', 1));
  expect(own).toMatchObject({ code: 'GROUP_LOST', culprit: 'b' });
  expect((await members[0]!.ended).culprit).toBe('b');
});
