/** Whose turn it is. */

import { describe, expect, test } from 'vitest';
import { type Candidate, choose } from '../../../../src/gateway/upstream/endpoints/choose.ts';
import { afterCall, type Circuit, onTrial } from '../../../../src/gateway/upstream/endpoints/circuit.ts';
import fc from '../../../property.ts';

const CIRCUITS: Readonly<Record<string, Circuit>> = {
  closed: afterCall(onTrial(0), { reached: true, startedAt: 0, now: 0, dice: 0 }),
  trial: onTrial(0),
  open: afterCall(onTrial(0), { reached: false, startedAt: 0, now: 0, dice: 0 }),
};
/** `b:trial:2` is address b, on trial, with two calls under way. */
const candidate = (text: string): Candidate => {
  const [address = '', state = 'closed', running = '0'] = text.split(':');
  return { address, circuit: CIRCUITS[state] ?? onTrial(0), running: Number(running) };
};
const chosen = (all: string, { tried = '', turn = 0, affinity = undefined as string | undefined } = {}) =>
  choose(all.split(' ').map(candidate), { turn, tried: new Set(tried.split(' ')), affinity })?.address;

describe('choose', () => {
  test.each([
    { when: 'one is less busy', all: 'a:closed:2 b:closed:1 c:closed:2', want: 'b' },
    { when: 'one is on trial', all: 'a:trial b:closed:9', want: 'b' },
    { when: 'one is open', all: 'a:open b:closed:9', want: 'b' },
    { when: 'the best was tried', all: 'a b:closed:9', tried: 'a', want: 'b' },
    { when: 'one on trial is untried', all: 'a b:trial', tried: 'a', want: 'b' },
    { when: 'all were tried', all: 'a b:open', tried: 'a b', want: 'a' },
    { when: 'none is closed', all: 'a:open b:trial', want: 'b' },
    { when: 'all are open', all: 'a:open b:open', want: undefined },
  ])('when $when: $want', ({ all, tried, want }) => {
    expect(chosen(all, tried === undefined ? {} : { tried })).toBe(want);
  });

  test('gives every address that is in use the same number of calls, to within one', () => {
    const sizes = fc.record({ addresses: fc.integer({ min: 1, max: 9 }), calls: fc.integer({ min: 0, max: 100 }) });
    fc.assert(
      fc.property(sizes, fc.nat(), ({ addresses, calls }, firstTurn) => {
        const all = Array.from({ length: addresses }, (_, at) => ({ ...candidate(`a${at}`), running: 0 }));
        // None of them ends: the busiest way to be fair.
        for (let turn = 0; turn < calls; turn += 1) {
          const one = choose(all, { turn: firstTurn + turn, tried: new Set() });
          if (one) one.running += 1;
        }
        const running = all.map((each) => each.running);
        expect(Math.max(...running) - Math.min(...running)).toBeLessThanOrEqual(1);
        expect(running.reduce((sum, each) => sum + each, 0)).toBe(calls);
      }),
    );
  });

  test('takes turns when nothing is under way', () => {
    const turns = [0, 1, 2, 3, 4, 5].map((turn) => chosen('a b c', { turn }));
    expect(turns).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('keeps a sequence at its address, whoever else comes or goes', () => {
    fc.assert(
      fc.property(fc.string(), (affinity) => {
        const before = chosen('a b c d', { affinity });
        const others = 'a b c d'.split(' ').filter((each) => each === before || each !== 'b');
        expect(chosen(others.join(' '), { affinity, turn: 7 })).toBe(before);
        expect(chosen(`${others.join(' ')} z:open`, { affinity })).toBe(before);
      }),
    );
    const spread = new Set(Array.from({ length: 100 }, (_, id) => chosen('a b c d', { affinity: String(id) })));
    expect(spread.size).toBe(4);
  });
});
