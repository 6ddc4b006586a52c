/** Looks that many take at once: what they cost the predictor. */
import { expect, test } from 'vitest';
import { MAX_LOOKS, SharedLooks } from '../../../../src/gateway/ops/shared-looks.ts';

const looks = (at: { now: number }) => new SharedLooks<string>({ withinMs: 5_000, now: () => at.now });

test('all who ask within a second share one look; a failure only those who asked meanwhile', async () => {
  const at = { now: 0 };
  const shared = looks(at);
  let taken = 0;
  const look = async () => {
    taken += 1;
    if (taken === 2) throw new Error('no');
    return `${taken}`;
  };
  expect(await Promise.all([shared.take('m', look), shared.take('m', look)])).toEqual(['1', '1']);
  at.now = 999;
  expect(await shared.take('m', look)).toBe('1');
  at.now = 1_000;
  const both = await Promise.allSettled([shared.take('m', look), shared.take('m', look)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await shared.take('m', look)).toBe('3');
});

test('so many are under way at once; one by a configured name always, others again when one has ended', async () => {
  const shared = looks({ now: 0 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const under = Array.from({ length: MAX_LOOKS }, (_, i) => shared.take(`${i}`, () => promise));
  await expect(shared.take('more', async () => '')).rejects.toMatchObject({
    status: 429,
    message: `${MAX_LOOKS} looks at the predictor are under way, and no more at once`,
  });
  expect(await shared.take('configured', async () => 'yes', { always: true })).toBe('yes');
  resolve('');
  await Promise.all(under);
  expect(await shared.take('more', async () => 'now')).toBe('now');
});

test('of what was asked only so much is kept', async () => {
  const shared = looks({ now: 0 });
  let taken = 0;
  const ask = (key: string) =>
    shared.take(key, async () => {
      taken += 1;
      return key;
    });
  for (let i = 0; i <= 1_000; i += 1) await ask(`${i}`);
  await ask('1000');
  expect(taken).toBe(1_001);
  await ask('0');
  expect(taken).toBe(1_002);
});
