/** The modules of docs/examples/transforms do what their first lines say. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import type { ChosenTransform } from '../../../src/gateway/transform/choose.ts';
import { answered, asking, call, type Model, open, openRow, TEXT_MODEL, tensor, words } from './transform-row.ts';

const example = (file: string): ChosenTransform => ({
  name: file,
  choice: { kind: 'module', path: join(import.meta.dirname, '../../../docs/examples/transforms', file) },
});

test('clean-text.mjs', async () => {
  const predictor = await open({ transforms: [example('clean-text.mjs')] });
  expect(await answered(predictor, words('  Ｈｅｌｌｏ <b>world</b> '))).toEqual({ IN: ['Hello world'] });
  const many = words(...Array<string>(65).fill('x'));
  await expect(predictor.infer(many, call())).rejects.toMatchObject({
    status: 400,
    message: 'at most 64 texts, not 65',
  });
});

test('decide.mjs', async () => {
  const model: Model = { ...TEXT_MODEL, answer: () => [tensor('p', 'FP32', [3, 1], [0.25, 0.5, 1])] };
  const predictor = await open({ transforms: [example('decide.mjs')], model });
  expect(await answered(predictor, words('x'))).toEqual({
    decision: ['accept', 'review', 'refuse'],
    score: [0.25, 0.5, 1],
  });
});

test('occlusion.mjs', async () => {
  // A model for which one word counts.
  let calls = 0;
  const answer: Model['answer'] = ({ inputs: [input] }) => {
    calls += 1;
    const scores = valuesOf(input!).flatMap((text) => (String(text).includes('great') ? [0.25, 0.75] : [0.75, 0.25]));
    return [tensor('p', 'FP32', [scores.length / 2, 2], scores)];
  };
  const row = await openRow({ transforms: [example('occlusion.mjs')], model: { ...TEXT_MODEL, answer } });
  const { parts } = await row.explain!(words('a great film'), call());
  expect(JSON.parse(parts.join(''))).toEqual({
    explanations: [{ score: 0.75, words: [['a', 0], ['great', 0.5], ['film', 0]] }],
  }); // biome-ignore format: a table
  expect(calls).toBe(1);
});

test('features.mjs', async () => {
  const asked: string[] = [];
  const store = createServer((request, response) => {
    asked.push(request.url ?? '');
    const known = request.url === '/features/customer-17' ? [0.5, 2] : undefined;
    response.writeHead(known ? 200 : 404).end(JSON.stringify(known ?? {}));
  });
  onTestFinished(() => void store.close());
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('FEATURE_STORE', `http://127.0.0.1:${(store.address() as AddressInfo).port}`);
  vi.stubEnv('FEATURE_STORE_PATIENCE_MS', '60000');
  onTestFinished(() => void vi.unstubAllEnvs());
  const model: Model = { inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }] };
  const predictor = await open({ transforms: [example('features.mjs')], model });
  const both = asking(tensor('entity', 'BYTES', [2], ['customer-17', 'customer-17']));
  expect(await answered(predictor, both)).toEqual({ X: [0.5, 2, 0.5, 2] });
  // On a machine so busy that nobody waits for the other, both rows ask; from then on it is known.
  const first = asked.splice(0);
  expect(new Set(first)).toEqual(new Set(['/features/customer-17']));
  await answered(predictor, both);
  expect(asked).toEqual([]);
  const stranger = asking(tensor('entity', 'BYTES', [1], ['x']));
  await expect(predictor.infer(stranger, call())).rejects.toMatchObject({ status: 404, message: 'nobody knows "x"' });
});
