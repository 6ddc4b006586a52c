import { describe, expect, test } from 'vitest';
import { ANSWER, FEATURES } from '../../../../src/gateway/cache/entry.ts';
import { cacheKey } from '../../../../src/gateway/cache/key.ts';
import type { InferRequest, InferResponse } from '../../../../src/gateway/protocol/infer.ts';
import fc from '../../../property.ts';

const request: InferRequest = {
  model: 'm',
  version: '1',
  id: 'a',
  parameters: { temperature: 0, top: 5 },
  inputs: [{ name: 'IN', datatype: 'INT8', shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) }],
  outputs: [{ name: 'OUT', parameters: {} }],
};
const input = request.inputs[0]!;
const headers = { authorization: 'Bearer one' };
const keyOf = (change: Partial<InferRequest> = {}, with_: Record<string, string> = headers) =>
  cacheKey({ ...request, ...change }, { headers: with_ });

describe('the same answer', () => {
  test.each<[what: string, change: Partial<InferRequest>, headers: Record<string, string>]>([
    ['another id', { id: 'b' }, headers],
    ['another order of parameters', { parameters: { top: 5, temperature: 0 } }, headers],
    ['another trace', {}, { ...headers, traceparent: '00-1', 'x-request-id': '7', 'x-b3-traceid': '8' }],
    ['the bytes elsewhere', { inputs: [{ ...input, data: Uint8Array.of(9, 1, 2, 3, 4).subarray(1) }] }, headers],
  ])('%s', (_what, change, with_) => {
    expect(keyOf(change, with_)).toBe(keyOf());
  });
});

describe('another answer', () => {
  test.each<[what: string, change: Partial<InferRequest>, headers?: Record<string, string>]>([
    ['model', { model: 'n' }],
    ['version', { version: '2' }],
    ['a parameter', { parameters: { temperature: 0, top: 6 } }],
    ['the kind of a parameter', { parameters: { temperature: 0, top: '5' } }],
    ['a byte', { inputs: [{ ...input, data: Uint8Array.of(1, 2, 3, 5) }] }],
    ['the shape', { inputs: [{ ...input, shape: [4] }] }],
    ['the datatype', { inputs: [{ ...input, datatype: 'UINT8' }] }],
    ['the name of an input', { inputs: [{ ...input, name: 'IM' }] }],
    ['the outputs', { outputs: [] }],
    ['what an output is asked to be', { outputs: [{ name: 'OUT', parameters: { classification: 3 } }] }],
    ['who asks', {}, { authorization: 'Bearer two' }],
    ['nobody asks', {}, {}],
    ['a header that is forwarded', {}, { ...headers, tenant: 'blue' }],
  ])('%s', (_what, change, with_ = headers) => {
    expect(keyOf(change, with_)).not.toBe(keyOf());
  });

  test('no text that reads like a parameter more', () => {
    const one = keyOf({ parameters: { a: '1,"b":string:2' } });
    expect(one).not.toBe(keyOf({ parameters: { a: '1', b: '2' } }));
  });

  test('no two ways to cut the same bytes', () => {
    const cut = (first: number) => [
      { ...input, shape: [first], data: input.data.subarray(0, first) },
      { ...input, shape: [4 - first], data: input.data.subarray(first) },
    ];
    expect(new Set([1, 2, 3].map((first) => keyOf({ inputs: cut(first) }))).size).toBe(3);
  });
});

describe('features', () => {
  const madeBy = (...maker: readonly string[]) => cacheKey(request, { headers }, ...maker);

  test('of the same maker are the same', () => {
    expect(madeBy('tokenize', 'm takes INT64')).toBe(madeBy('tokenize', 'm takes INT64'));
  });

  test.each<[what: string, maker: readonly string[]]>([
    ['another file', ['tokenize 2', 'm takes INT64']],
    ['another model', ['tokenize', 'm takes INT32']],
    ['an answer', []],
    ['a maker cut elsewhere', ['tokenizem', ' takes INT64']],
  ])('%s: others', (_what, maker) => {
    expect(madeBy(...maker)).not.toBe(madeBy('tokenize', 'm takes INT64'));
  });

  test('come back as they were, with what the model is asked for, but for their id', () => {
    const back = FEATURES.fromBytes(FEATURES.toBytes(request));
    expect(
      back && { ...back, inputs: back.inputs.map((each) => ({ ...each, data: Uint8Array.from(each.data) })) },
    ).toEqual({ ...request, id: '' });
  });
});

test('a model with a memory is asked each time', () => {
  expect(keyOf({ parameters: { sequence_id: 7 } })).toBeUndefined();
});

const { toBytes, fromBytes } = ANSWER;

describe('an answer as bytes', () => {
  const parameter = fc.oneof(fc.boolean(), fc.integer(), fc.bigInt(), fc.string());
  const parameters = fc.dictionary(fc.string(), parameter, { noNullPrototype: true });
  const output = fc
    .tuple(fc.string(), fc.uint8Array({ maxLength: 64 }), fc.option(parameters, { nil: undefined }))
    .map(([name, data, own]) => ({
      name,
      datatype: 'UINT8' as const,
      shape: [data.length],
      data,
      ...(own && Object.keys(own).length > 0 ? { parameters: own } : {}),
    }));

  test('comes back as it was, but for its id', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        parameters,
        fc.array(output, { maxLength: 4 }),
        (model, version, own, outputs) => {
          const response: InferResponse = { model, version, id: '', parameters: own, outputs };
          const back = fromBytes(toBytes({ ...response, id: 'the client’s' }));
          const plain = back && {
            ...back,
            outputs: back.outputs.map((each) => ({ ...each, data: Uint8Array.from(each.data) })),
          };
          expect(plain).toEqual(response);
        },
      ),
    );
  });

  test('what is cut, longer or something else is no answer', () => {
    const bytes = toBytes({ model: 'm', version: '', id: '', parameters: {}, outputs: request.inputs });
    expect(fromBytes(bytes)).toBeDefined();
    for (let length = 0; length < bytes.length; length += 1)
      expect(fromBytes(bytes.subarray(0, length))).toBeUndefined();
    expect(fromBytes(Buffer.concat([bytes, Buffer.from('x')]))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (odd) => fromBytes(odd) === undefined));
  });
});
