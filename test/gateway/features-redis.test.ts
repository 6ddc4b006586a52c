/** Features in a real Redis: what one gateway has looked up or made, another one finds; without it all goes on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFeatures } from '../../src/gateway/cache/open.ts';
import type { InferRequest } from '../../src/gateway/protocol/infer.ts';
import { answered, directoryWith, features, moduleNamed, open, words } from '../wire/gateway/transform-row.ts';
import { noRedis, type Redis, startRedis } from './redis.ts';

const log = { warn: () => {} } as never;

/** A gateway's transforms, as `--cache_redis` has them. */
async function gateway({ url }: Redis, file: string, keeps: readonly string[] = []) {
  const store = await openFeatures(
    {
      cache_models: [],
      cache_ttl_seconds: 60,
      cache_max_bytes: 1,
      cache_redis: url,
      feature_ttl_seconds: 60,
      feature_max_bytes: 1_000_000,
    },
    log,
  );
  onTestFinished(() => store.close());
  // Connecting takes its time, and a store without a Redis is an empty one.
  const connected = async () => {
    await store.set('connected', Uint8Array.of(1));
    return (await store.get('connected')) !== undefined;
  };
  while (!(await connected())) await new Promise((resolve) => setTimeout(resolve, 20));
  return open({ transforms: [moduleNamed(file)], keeps, store });
}

function journal() {
  const file = join(directoryWith({ journal: '' }), 'journal');
  const asking = (entity: string): InferRequest => ({ ...words(entity), parameters: { journal: file } });
  return { asking, lines: () => readFileSync(file, 'utf8').trim().split('\n') };
}

test('what a hook has looked up in one gateway is known in another, and lost with Redis', async ({ skip }) => {
  if (noRedis) skip(noRedis);
  const redis = await startRedis();
  const { asking, lines } = journal();
  const gateways = [await gateway(redis, 'features.mjs'), await gateway(redis, 'features.mjs')];
  const looked = async (entity: string) => {
    for (const each of gateways)
      expect(await answered(each, asking(entity))).toEqual({ IN: [`{"values":[${entity.length},0.5],"big":null}`] });
    return lines().filter((line) => line === entity).length;
  };
  // A Redis that takes more than half a second is as none; the next one is known to both then.
  let user = 10;
  while ((await looked(`user ${user}`)) !== 1) user += 1;
  await redis.kill();
  expect(await looked(`user ${user}`)).toBe(3);
});

test('what a transform has made in one gateway is not made in another', async ({ skip }) => {
  if (noRedis) skip(noRedis);
  const redis = await startRedis();
  const outcomes: string[] = [];
  for (let round = 0; round < 2; round += 1) {
    const one = await gateway(redis, 'shout.mjs', ['shout.mjs']);
    expect(await answered(one, words('good', 'morning'))).toEqual({ IN: ['GOOD', 'MORNING'] });
    outcomes.push(...features);
    // It is written behind the answer.
    if (round === 0) while (features.at(-1) !== 'hit') await answered(one, words('good', 'morning'));
  }
  expect(outcomes).toEqual(['miss', 'hit']);
});
