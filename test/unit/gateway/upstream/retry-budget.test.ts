import { describe, expect, test } from 'vitest';
import { RetryBudget } from '../../../../src/gateway/upstream/retry-budget.ts';
import fc from '../../../property.ts';

const WINDOW_MS = 10_000;
const budget = (share = 0.2, floor = 3) => new RetryBudget({ share, floor, windowMs: WINDOW_MS });

/** How many of `wanted` retries are let through at `now`. */
const taken = (of: RetryBudget, now: number, wanted = 1_000): number =>
  Array.from({ length: wanted }, () => of.take(now)).filter(Boolean).length;

describe('a retry budget', () => {
  test.each([
    { requests: 0, want: 3 },
    { requests: 10, want: 3 },
    { requests: 100, want: 20 },
    { requests: 104, want: 20 },
    { requests: 105, want: 21 },
  ])('of a fifth and at least 3 lets $want through after $requests requests', ({ requests, want }) => {
    const one = budget();
    for (let each = 0; each < requests; each += 1) one.request(5_000);
    expect(taken(one, 5_000)).toBe(want);
  });

  test('forgets requests and retries with the window', () => {
    const one = budget();
    for (let each = 0; each < 100; each += 1) one.request(0);
    expect(taken(one, 9_999)).toBe(20);
    expect(taken(one, 10_000)).toBe(0); // the requests are gone, the retries are not
    expect(taken(one, 19_000)).toBe(3);
  });

  test('never lets more through than its share of the window or the floor', () => {
    const step = fc.record({ after: fc.integer({ min: 0, max: 3_000 }), kind: fc.constantFrom('request', 'retry') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const one = budget();
        const requests: number[] = [];
        const retries: number[] = [];
        let now = 0;
        for (const { after, kind } of steps) {
          now += after;
          if (kind === 'request') {
            one.request(now);
            requests.push(now);
          } else if (one.take(now)) retries.push(now);
          // Whole slots are forgotten, so nine tenths of the window are sure.
          const within = (times: readonly number[], ms: number) => times.filter((at) => at > now - ms).length;
          const most = Math.max(3, Math.floor(within(requests, WINDOW_MS) * 0.2));
          if (kind === 'retry' && retries.at(-1) === now)
            expect(within(retries, WINDOW_MS * 0.9)).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});
