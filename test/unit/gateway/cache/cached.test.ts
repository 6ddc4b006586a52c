import { describe, expect, test } from 'vitest';
import { CachedPredictor } from '../../../../src/gateway/cache/cached.ts';
import { checkRedis } from '../../../../src/gateway/cache/check-redis.ts';
import { MemoryStore } from '../../../../src/gateway/cache/store.ts';
import { Failure } from '../../../../src/gateway/failure.ts';
import type { Call, InferRequest, InferResponse, Predictor } from '../../../../src/gateway/protocol/infer.ts';

const LONG = 60_000;
const call = (deadlineMs = LONG, more: Partial<Call> = {}): Call => ({
  deadlineAt: performance.now() + deadlineMs,
  signal: new AbortController().signal,
  headers: {},
  ...more,
});

const asking = (value: number, id = ''): InferRequest => ({
  model: 'm',
  version: '',
  id,
  parameters: {},
  inputs: [{ name: 'IN', datatype: 'UINT8', shape: [1], data: Uint8Array.of(value) }],
  outputs: [],
});

/** A predictor whose answers wait until they are let go. */
function slow() {
  const asked: {
    request: InferRequest;
    call: Call;
    answer: (response: InferResponse) => void;
    fail: (error: Error) => void;
  }[] = [];
  const predictor = {
    name: 'slow',
    infer: (request: InferRequest, how: Call) => {
      const { promise, resolve, reject } = Promise.withResolvers<InferResponse>();
      asked.push({ request, call: how, answer: resolve, fail: reject });
      return promise;
    },
    close: () => {},
  } as unknown as Predictor;
  return { asked, predictor };
}

const answerTo = ({ model, id, inputs }: InferRequest): InferResponse => ({
  model,
  version: '1',
  id,
  parameters: {},
  outputs: inputs,
});

function cached({ maxBytes = 1_000_000, ttlMs = LONG, models = ['m'] } = {}) {
  const { asked, predictor } = slow();
  const outcomes: string[] = [];
  const store = new MemoryStore({ maxBytes, ttlMs });
  const cache = new CachedPredictor({
    inner: predictor,
    store,
    keeps: (model) => models.includes(model),
    meter: (outcome) => outcomes.push(outcome),
  });
  /** Lets all promises that can go on do so. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const answerAll = async () => {
    await settle();
    for (const { request, answer } of asked.splice(0)) answer(answerTo(request));
    await settle();
  };
  return { cache, asked, outcomes, store, settle, answerAll };
}

test('the second time it comes from memory, with the id of who asks', async () => {
  const { cache, outcomes, answerAll } = cached();
  const first = cache.infer(asking(1, 'a'), call());
  await answerAll();
  expect((await first).id).toBe('a');
  const second = await cache.infer(asking(1, 'b'), call());
  expect(second).toMatchObject({ id: 'b', outputs: [{ data: Uint8Array.of(1) }] });
  expect(outcomes).toEqual(['miss', 'hit']);
});

test('seconds need not be whole milliseconds', async () => {
  const { cache, outcomes, answerAll } = cached({ ttlMs: 1.001 * LONG });
  const first = cache.infer(asking(1), call());
  await answerAll();
  await first;
  await cache.infer(asking(1), call());
  expect(outcomes).toEqual(['miss', 'hit']);
});

test('an answer that cannot be kept is one all the same', async () => {
  const { cache, asked, outcomes, settle } = cached();
  for (let round = 0; round < 2; round += 1) {
    const answer = cache.infer(asking(1), call());
    await settle();
    const { request, answer: give } = asked.shift()!;
    give({ ...answerTo(request), parameters: null as never });
    expect((await answer).outputs).toEqual(request.inputs);
    await settle(); // a rejection that nobody handles fails this file
  }
  expect(outcomes).toEqual(['miss', 'miss']);
});

test('many at the same time are one call', async () => {
  const { cache, asked, outcomes, settle, answerAll } = cached();
  const all = Array.from({ length: 20 }, (_, at) => cache.infer(asking(1, String(at)), call()));
  await settle();
  expect(asked).toHaveLength(1);
  await answerAll();
  expect((await Promise.all(all)).map(({ id }) => id)).toEqual(all.map((_, at) => String(at)));
  expect(outcomes.filter((each) => each === 'shared')).toHaveLength(19);
});

test('other rights, another call', async () => {
  const { cache, asked, settle } = cached();
  for (const authorization of ['one', 'two']) void cache.infer(asking(1), call(LONG, { headers: { authorization } }));
  await settle();
  expect(asked).toHaveLength(2);
});

test('models that are not named are asked each time', async () => {
  const { cache, asked, outcomes, settle } = cached({ models: [] });
  void cache.infer(asking(1), call());
  void cache.infer(asking(1), call());
  await settle();
  expect([asked.length, outcomes]).toEqual([2, ['off', 'off']]);
});

test('one that goes leaves the others; when the last one goes the call is cancelled', async () => {
  const { cache, asked, settle } = cached();
  const clients = [new AbortController(), new AbortController()];
  const waiting = clients.map(({ signal }) =>
    cache.infer(asking(1), call(LONG, { signal })).catch((error: Failure) => error.status),
  );
  await settle();
  clients[0]!.abort();
  expect(await waiting[0]).toBe(499);
  expect(asked[0]!.call.signal.aborted).toBe(false);
  clients[1]!.abort();
  expect(await waiting[1]).toBe(499);
  expect(asked[0]!.call.signal.aborted).toBe(true);
});

test('who asks in the moment in which the last one has left gets a call of its own', async () => {
  const { cache, asked, settle } = cached();
  const leaver = new AbortController();
  const left = cache.infer(asking(1), call(LONG, { signal: leaver.signal })).catch((error: Failure) => error.status);
  await settle();
  leaver.abort();
  expect(await left).toBe(499);
  const stayer = cache.infer(asking(1), call());
  await settle();
  expect(asked).toHaveLength(2);
  const [cancelled, fresh] = asked;
  cancelled!.fail(new Failure(499, 'the call was cancelled'));
  await settle();
  // The end of the old call takes nothing from the new one.
  const third = cache.infer(asking(1), call());
  await settle();
  expect(asked).toHaveLength(2);
  fresh!.answer(answerTo(fresh!.request));
  expect((await stayer).outputs).toHaveLength(1);
  expect((await third).outputs).toHaveLength(1);
});

test('a failure is told to all who wait, and not kept', async () => {
  const { cache, asked, settle, answerAll } = cached();
  const all = [1, 2].map(() => cache.infer(asking(1), call()).catch((error: Failure) => error.message));
  await settle();
  asked.splice(0)[0]!.fail(new Failure(503, 'away'));
  expect(await Promise.all(all)).toEqual(['away', 'away']);
  const again = cache.infer(asking(1), call());
  await answerAll();
  expect((await again).outputs).toHaveLength(1);
});

test("who has time left does not share the end of another's time", async () => {
  const { cache, asked, settle, answerAll } = cached();
  const hasty = cache.infer(asking(1), call()).catch((error: Failure) => error.status);
  const patient = cache.infer(asking(1), call());
  await settle();
  asked.splice(0)[0]!.fail(new Failure(504, 'late'));
  expect(await hasty).toBe(504);
  await answerAll();
  expect((await patient).outputs).toHaveLength(1);
});

test('a deadline holds while others wait on', async () => {
  const { cache, answerAll } = cached();
  const patient = cache.infer(asking(1), call());
  await expect(cache.infer(asking(1), call(20))).rejects.toMatchObject({ status: 504 });
  await answerAll();
  expect((await patient).outputs).toHaveLength(1);
});

test('memory keeps to its budget, and the oldest go', async () => {
  const { cache, asked, store, settle, answerAll } = cached({ maxBytes: 3 * 600 });
  for (let value = 0; value < 10; value += 1) {
    const answer = cache.infer(asking(value), call());
    await answerAll();
    await answer;
    expect(store.bytes).toBeLessThanOrEqual(3 * 600);
  }
  await cache.infer(asking(9), call());
  void cache.infer(asking(0), call());
  await settle();
  expect(asked.map(({ request }) => request.inputs[0]!.data[0])).toEqual([0]);
});

describe('the address of a Redis', () => {
  test.each([
    { url: undefined, typed: true, says: [] },
    { url: 'redis://cache:6379/0', typed: true, says: [] },
    { url: 'rediss://user:secret@cache', typed: false, says: [] },
    {
      url: 'redis://:secret@cache',
      typed: true,
      says: ['--cache_redis holds a password, which every user of this machine can read'],
    },
    { url: 'cache:6379', typed: true, says: ['--cache_redis is no address of a Redis'] },
    { url: 'http://:secret@cache', typed: false, says: ['MUSTER_GATEWAY_CACHE_REDIS is no address of a Redis'] },
  ])('$url', ({ url, typed, says }) => {
    expect(checkRedis(url, typed).map(({ message }) => message)).toEqual(says);
  });
});
