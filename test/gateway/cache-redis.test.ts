/** Answers in a real Redis: shared, with an end, and never in the way of a request. */
import { expect, onTestFinished, test } from 'vitest';
import { RedisStore } from '../../src/gateway/cache/redis-store.ts';
import { noRedis, type Redis, startRedis } from './redis.ts';

const answer = Uint8Array.of(0, 0, 128, 63, 255, 254, 0, 1);

const warnings: string[] = [];
const log = { warn: (text: string) => warnings.push(text) } as never;

function open({ url }: Redis, more: Partial<ConstructorParameters<typeof RedisStore>[0]> = {}): RedisStore {
  warnings.length = 0;
  const store = new RedisStore({ kind: 'answer', url, ttlMs: 60_000, maxEntryBytes: 1_000_000, log, ...more });
  onTestFinished(() => store.close());
  return store;
}

/** Asks until it is there: connecting takes its time, and a store without a Redis is an empty one. */
async function until(store: RedisStore, key: string): Promise<Uint8Array> {
  for (;;) {
    await store.set(key, answer);
    const found = await store.get(key);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const plain = (bytes: Uint8Array | undefined) => bytes && Uint8Array.from(bytes);

test('what one gateway keeps another one finds', async ({ skip }) => {
  if (noRedis) skip(noRedis);
  const redis = await startRedis();
  expect(plain(await until(open(redis), 'a'))).toEqual(answer);
  const other = open(redis);
  await until(other, 'b');
  expect(plain(await other.get('a'))).toEqual(answer);
  expect(await other.get('c')).toBeUndefined();
});

test('an answer has its end, and one that is too large is not kept', async ({ skip }) => {
  if (noRedis) skip(noRedis);
  const redis = await startRedis();
  await until(open(redis), 'ready');
  const brief = open(redis, { ttlMs: 1_000 });
  await until(brief, 'brief');
  while (await brief.get('brief')) await new Promise((resolve) => setTimeout(resolve, 5));
  const small = open(redis, { maxEntryBytes: answer.length - 1 });
  while (!(await small.get('ready'))) await new Promise((resolve) => setTimeout(resolve, 5));
  await small.set('large', answer);
  expect(await small.get('large')).toBeUndefined();
});

test('without a Redis nothing is found, nothing fails, and one line says so; when it comes, it is used', async ({
  skip,
}) => {
  if (noRedis) skip(noRedis);
  const redis = await startRedis();
  await redis.kill();
  const store = open(redis);
  for (let round = 0; round < 5; round += 1) {
    await store.set('a', answer);
    expect(await store.get('a')).toBeUndefined();
  }
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`the cache at 127.0.0.1:${redis.port} cannot be asked`);
  await redis.start();
  expect(plain(await until(store, 'a'))).toEqual(answer);
});
