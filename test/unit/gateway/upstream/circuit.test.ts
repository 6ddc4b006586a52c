/** When an address is called, and when it is not: states and outcomes, no clock. */

import { describe, expect, test } from 'vitest';
import {
  afterCall,
  atTime,
  BAD_SHARE,
  type Circuit,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  MISSES,
  onTrial,
  WINDOW_CALLS,
  WINDOW_MS,
} from '../../../../src/gateway/upstream/endpoints/circuit.ts';
import fc from '../../../property.ts';

const outcome = (reached: boolean, now: number, startedAt = now, dice = 0) => ({ reached, startedAt, now, dice });

/** One call a millisecond: `+` met a server, `-` did not. */
const play = (calls: string, circuit: Circuit, from = 1): Circuit =>
  [...calls].reduce((sofar, call, at) => afterCall(sofar, outcome(call === '+', from + at)), circuit);

const closed = () => afterCall(onTrial(0), outcome(true, 0));

describe('a circuit', () => {
  test.each([
    { calls: '+', from: onTrial(0), want: 'closed' },
    { calls: '-', from: onTrial(0), want: 'open' },
    { calls: '--', from: closed(), want: 'closed' },
    { calls: '---', from: closed(), want: 'open' },
    { calls: '--+--', from: closed(), want: 'closed' },
    { calls: '+-'.repeat(WINDOW_CALLS / 2), from: closed(), want: 'open' },
    { calls: '+-'.repeat(WINDOW_CALLS / 2 - 2), from: closed(), want: 'closed' },
    { calls: '++-'.repeat(WINDOW_CALLS), from: closed(), want: 'closed' },
    { calls: '---+++', from: closed(), want: 'open' },
  ])('$from.state after $calls is $want', ({ calls, from, want }) => {
    expect(play(calls, from).state).toBe(want);
  });

  test('forgets what is older than its window', () => {
    const before = play('+-'.repeat(WINDOW_CALLS / 2 - 1), closed());
    expect(afterCall(before, outcome(false, WINDOW_MS + 1)).state).toBe('closed');
  });

  test.each([
    { now: 10, startedAt: 9, want: 'trial' },
    { now: 10, startedAt: 10, want: 'closed' },
  ])('on trial since 10 ms learns nothing from what began before ($startedAt)', ({ now, startedAt, want }) => {
    expect(afterCall(onTrial(10), outcome(true, now, startedAt)).state).toBe(want);
  });

  test.each([
    { opens: 0, dice: 0, pause: FIRST_PAUSE_MS },
    { opens: 0, dice: 1, pause: FIRST_PAUSE_MS / 2 },
    { opens: 1, dice: 0, pause: FIRST_PAUSE_MS * 2 },
    { opens: 50, dice: 0, pause: LONGEST_PAUSE_MS },
  ])('that failed its trial $opens times before is tried after $pause ms (dice $dice)', ({ opens, dice, pause }) => {
    const open = afterCall({ state: 'trial', since: 0, opens }, outcome(false, 100, 100, dice));
    expect(open).toMatchObject({ state: 'open', dueAt: 100 + pause });
    expect(atTime(open, 99 + pause).state).toBe('open');
    expect(atTime(open, 100 + pause)).toMatchObject({ state: 'trial', opens: opens + 1 });
  });

  test('opens at a miss only, and only after enough of them', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (calls) => {
        let circuit = closed();
        for (const [at, good] of calls.entries()) {
          const next = afterCall(circuit, outcome(good, at + 1));
          if (circuit.state !== 'closed') break;
          const seen = calls.slice(0, at + 1);
          const bad = seen.filter((each) => !each).length;
          const inARow = seen.slice(-MISSES).filter((each) => !each).length === MISSES;
          const share = seen.length >= WINDOW_CALLS && bad >= seen.length * BAD_SHARE;
          expect(next.state).toBe(!good && (inARow || share) ? 'open' : 'closed');
          circuit = next;
        }
      }),
    );
  });
});
