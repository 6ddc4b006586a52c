/** What hooks look up: who makes it, who waits, and for how long. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { LookupDesk, Lookups } from '../../../../src/gateway/cache/lookups.ts';
import { MemoryStore } from '../../../../src/gateway/cache/store.ts';

const VALUE = Uint8Array.of(1, 2, 3);
const LONG = 60_000;

function lookups() {
  const outcomes: string[] = [];
  const all = new Lookups(new MemoryStore({ maxBytes: 10_000, ttlMs: LONG }), (outcome) => outcomes.push(outcome));
  const desk = (owner = 'one module') => new LookupDesk(all, owner);
  return { outcomes, desk };
}

/** What a promise has come to, once everything that can go on has. */
async function now<T>(promise: Promise<T>): Promise<T | 'waits'> {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve('waits' as const)]);
}

test('one makes it, those who come meanwhile wait, those who come later find it', async () => {
  const { desk, outcomes } = lookups();
  const [maker, waiter, later] = [desk(), desk(), desk()];
  expect(await maker.get('k')).toBeUndefined();
  const waits = waiter.get('k');
  expect(await now(waits)).toBe('waits');
  await maker.made('k', VALUE, LONG);
  expect(await waits).toEqual(VALUE);
  expect(await later.get('k')).toEqual(VALUE);
  expect(outcomes).toEqual(['miss', 'shared', 'hit']);
});

test.each<[what: string, how: (desk: LookupDesk) => unknown]>([
  ['fails', (desk) => desk.made('k', undefined, LONG)],
  ['ends with its job', (desk) => desk.close()],
])('when the maker %s, one of those who wait is the next', async (_what, fail) => {
  const { desk } = lookups();
  const [maker, next, last] = [desk(), desk(), desk()];
  await maker.get('k');
  const waiting = [next.get('k'), last.get('k')];
  await fail(maker);
  expect([await now(waiting[0]!), await now(waiting[1]!)]).toEqual([undefined, 'waits']);
  await next.made('k', VALUE, LONG);
  expect(await waiting[1]).toEqual(VALUE);
});

test.each<[what: string, before: (maker: LookupDesk) => unknown]>([
  ['while the store is asked', () => {}],
  ['while it waits for another', (maker) => maker.get('k')],
])('a job that ended %s begins to make nothing', async (_what, before) => {
  const { desk } = lookups();
  const [maker, ended, later] = [desk(), desk(), desk()];
  await before(maker);
  const asked = ended.get('k');
  ended.close();
  maker.close();
  expect(await now(asked)).toBeUndefined();
  expect(await now(later.get('k'))).toBeUndefined(); // it makes it, and waits for nobody
});

test('nobody waits for ever: two who wait for each other both go on', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { desk } = lookups();
  const [one, two] = [desk(), desk()];
  await one.get('a');
  await two.get('b');
  const crossed = [one.get('b'), two.get('a')];
  expect(await now(crossed[0]!)).toBe('waits');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await Promise.all(crossed)).toEqual([undefined, undefined]);
});

test('rows of one request share as well', async () => {
  const { desk } = lookups();
  const one = desk();
  expect(await one.get('k')).toBeUndefined();
  const again = one.get('k');
  expect(await now(again)).toBe('waits');
  await one.made('k', VALUE, LONG);
  expect(await again).toEqual(VALUE);
});

test('keys are a module’s own', async () => {
  const { desk } = lookups();
  await desk('one module').made('k', VALUE, LONG);
  expect(await desk('another').get('k')).toBeUndefined();
  expect(await desk('one module').get('k')).toEqual(VALUE);
});
