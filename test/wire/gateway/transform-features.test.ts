/** What transforms make and what their hooks look up is kept, in the store that answers have. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../src/gateway/cache/store.ts';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import {
  answered,
  call,
  directoryWith,
  ENOUGH,
  features,
  HERE,
  hooks,
  moduleNamed,
  open,
  words,
} from './transform-row.ts';

describe('what preprocess makes', () => {
  const SHOUTS = { transforms: [moduleNamed('shout.mjs')], keeps: ['shout.mjs'] };

  test('is made once, and is for the request that asks', async () => {
    const predictor = await open(SHOUTS);
    const [first, second] = [words('good', 'morning'), { ...words('good', 'morning'), id: 'r2' }];
    expect(await answered(predictor, first)).toEqual({ IN: ['GOOD', 'MORNING'] });
    expect((await predictor.infer(second, call())).id).toBe('r2');
    expect(await answered(predictor, second)).toEqual({ IN: ['GOOD', 'MORNING'] });
    expect(await answered(predictor, words('evening'))).toEqual({ IN: ['EVENING'] });
    expect(hooks).toEqual(['shout.mjs preprocess', 'shout.mjs preprocess']);
    expect(features).toEqual(['miss', 'hit', 'hit', 'miss']);
  });

  test('is not for those with other rights, nor for another parameter', async () => {
    const predictor = await open(SHOUTS);
    const as = (authorization: string) => ({ ...call(), headers: { authorization } });
    await answered(predictor, words('a'), as('one'));
    await answered(predictor, words('a'), as('two'));
    await answered(predictor, { ...words('a'), parameters: { top: 1 } }, as('one'));
    await answered(predictor, words('a'), as('one'));
    expect(features).toEqual(['miss', 'miss', 'miss', 'hit']);
  });

  test('many at once are one job, and a failure is not kept', async () => {
    const predictor = await open(SHOUTS);
    const all = Array.from({ length: 5 }, () => answered(predictor, words('a')));
    await Promise.all(all);
    expect(hooks).toHaveLength(1);
    for (let round = 0; round < 2; round += 1)
      await expect(predictor.infer(words('throw'), call())).rejects.toMatchObject({ status: 500 });
    expect(hooks).toHaveLength(3);
  });

  test('is shared through the store with another gateway, until the module is another one', async () => {
    // As two gateways have it: the store is not closed with either.
    const store = Object.assign(new MemoryStore({ maxBytes: 1_000_000, ttlMs: ENOUGH }), { close: () => {} });
    const path = join(directoryWith({ 'mine.mjs': readFileSync(join(HERE, 'shout.mjs'), 'utf8') }), 'mine.mjs');
    const mine = { transforms: [{ name: 'mine', choice: { kind: 'module', path } as const }], keeps: ['*'], store };
    const outcomes: string[] = [];
    for (const text of [undefined, undefined, '\n// changed\n']) {
      if (text) writeFileSync(path, readFileSync(path, 'utf8') + text);
      const predictor = await open(mine);
      expect(await answered(predictor, words('a'))).toEqual({ IN: ['A'] });
      outcomes.push(...features);
    }
    expect(outcomes).toEqual(['miss', 'hit', 'miss']);
  });

  test('a transform that makes none is not named in vain', async () => {
    await expect(open({ transforms: [moduleNamed('negate.mjs')], keeps: ['negate.mjs'] })).rejects.toMatchObject({
      code: 'TRANSFORM_INVALID',
      message: '--cache_features negate.mjs: this transform has no "preprocess", so it makes no features',
    });
    // With * it is only not kept.
    await open({ transforms: [moduleNamed('negate.mjs')], keeps: ['*'] });
  });
});

describe('what a hook looks up', () => {
  const LOOKS_UP = { transforms: [moduleNamed('features.mjs')] };

  function journal() {
    const file = join(directoryWith({ journal: '' }), 'journal');
    const asking = (...texts: readonly string[]): InferRequest => ({
      ...words(...texts),
      parameters: { journal: file },
    });
    return { asking, lines: () => readFileSync(file, 'utf8').trim().split('\n') };
  }

  test('is made once, whoever asks, and again when its time is over', async () => {
    const predictor = await open({ ...LOOKS_UP, threads: 2 });
    const { asking, lines } = journal();
    const all = await Promise.all(Array.from({ length: 6 }, () => answered(predictor, asking('user 7'))));
    expect(all).toEqual(all.map(() => ({ IN: ['{"values":[6,0.5],"big":null}'] })));
    // One, but on a machine so busy that the other thread gives up waiting; test/unit has it by the clock.
    const made = lines().length;
    expect(made).toBeLessThanOrEqual(2);
    await answered(predictor, asking('user 7'));
    await answered(predictor, asking('user 8'));
    expect(lines().slice(made)).toEqual(['user 8']);
    expect(features.filter((each) => each === 'miss')).toHaveLength(made + 1);
    const brief = { ...asking('brief'), parameters: { ...asking('brief').parameters, seconds: 0.001 } };
    await answered(predictor, brief);
    while (lines().filter((line) => line === 'brief').length < 2) await answered(predictor, brief);
  });

  test('may be bytes', async () => {
    const predictor = await open(LOOKS_UP);
    const { asking, lines } = journal();
    for (let round = 0; round < 2; round += 1)
      expect(await answered(predictor, asking('a', 'bytes'))).toEqual({ IN: ['bytes 1,2,3'] });
    expect(lines()).toEqual(['a']);
  });

  test.each([
    { way: 'fails', says: /the feature store is away$/ },
    { way: 'nothing', says: /cached keeps JSON or a Uint8Array, and "make" gave neither$/ },
    { way: 'exits', says: /its thread ended: exit 3$/ },
  ])('$way: nothing is kept, and the next one tries', async ({ way, says }) => {
    const predictor = await open({ ...LOOKS_UP, threads: 2 });
    const { asking } = journal();
    const failing = predictor.infer(asking('a', way), call());
    await expect(failing).rejects.toMatchObject({ status: 500, message: expect.stringMatching(says) });
    expect(await answered(predictor, asking('a'))).toEqual({ IN: ['{"values":[1,0.5],"big":null}'] });
  });

  test.each([
    { seconds: 0, says: /cached keeps for more than 0 and at most 31536000 seconds, not 0$/ },
    { seconds: 1e9, says: /not 1000000000$/ },
  ])('not for $seconds s', async ({ seconds, says }) => {
    const predictor = await open(LOOKS_UP);
    const { asking } = journal();
    const request = asking('a');
    const asked = predictor.infer({ ...request, parameters: { ...request.parameters, seconds } }, call());
    await expect(asked).rejects.toMatchObject({ message: expect.stringMatching(says) });
  });
});
