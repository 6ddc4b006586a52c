/** The request of each way, byte by byte, as the official code reads it. */
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { jsonEncoder, noLists, typedEncoder } from '../../../src/bench/encode.ts';
import { invent } from '../../../src/bench/invent.ts';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { readV2 } from '../../../src/gateway/protocol/v2.ts';
import { rawOfJson } from '../../../src/gateway/tensor/from-json.ts';
import type { Datatype } from '../../../src/gateway/tensor/tensor.ts';
import { encodeInfer } from '../../../src/gateway/upstream/oip/messages.ts';
import { encodeV2 } from '../../../src/gateway/upstream/rest/v2-messages.ts';

interface Official {
  readonly type: { readonly name: string };
  deserialize(bytes: Buffer): { readonly inputs: readonly { readonly contents: Readonly<Record<string, unknown>> }[] };
}
const PROTO = join(import.meta.dirname, '../../../proto/oip_infer.proto');
const official = Object.values(loadSync(PROTO, { keepCase: true, longs: String })).find(
  (each) => (each as unknown as Official).type?.name === 'ModelInferRequest',
) as unknown as Official;

const request = (datatype: Datatype, data: readonly unknown[], parameters = {}): InferRequest => {
  const tensor = { name: 'IN', datatype, shape: [data.length] };
  const inputs = [{ ...tensor, parameters, data: rawOfJson(tensor, data) }];
  return {
    model: 'm',
    version: '1',
    id: 'i',
    parameters: { p: 7 },
    inputs,
    outputs: [{ name: 'OUT', parameters: {} }],
  };
};
const typed = (asked: InferRequest) => official.deserialize(Buffer.concat(typedEncoder(asked, jsonEncoder(asked)())()));

describe('typed lists', () => {
  test.each<{ datatype: Datatype; data: readonly unknown[]; list: string; want?: readonly unknown[] | undefined }>([
    { datatype: 'BOOL', data: [true, false], list: 'bool_contents' },
    { datatype: 'INT8', data: [-128, 127], list: 'int_contents' },
    { datatype: 'INT32', data: [-2_147_483_648, 0, 2_147_483_647], list: 'int_contents' },
    { datatype: 'INT64', data: [-1, 5], list: 'int64_contents', want: ['-1', '5'] },
    {
      datatype: 'INT64',
      data: [2n ** 63n - 1n, -(2n ** 63n)],
      list: 'int64_contents',
      want: [String(2n ** 63n - 1n), String(-(2n ** 63n))],
    },
    { datatype: 'UINT8', data: [255], list: 'uint_contents' },
    { datatype: 'UINT64', data: [2n ** 64n - 1n], list: 'uint64_contents', want: [String(2n ** 64n - 1n)] },
    { datatype: 'FP32', data: [0.5, -2, 0], list: 'fp32_contents' },
    { datatype: 'FP64', data: [0.1, 1e300], list: 'fp64_contents' },
    {
      datatype: 'BYTES',
      data: ['a', '', '€'],
      list: 'bytes_contents',
      want: ['a', '', '€'].map((each) => Buffer.from(each)),
    },
    { datatype: 'FP32', data: [], list: 'fp32_contents', want: undefined },
  ])('$datatype $data go as $list', (each) => {
    const { datatype, data, list } = each;
    const want = 'want' in each ? each.want : data;
    expect(typed(request(datatype, data)).inputs[0]?.contents[list]).toEqual(want);
  });

  test('names, shapes and parameters go with them', () => {
    expect(typed(request('FP32', [1], { q: true }))).toMatchObject({
      model_name: 'm',
      model_version: '1',
      id: 'i',
      parameters: { p: { int64_param: '7' } },
      inputs: [{ name: 'IN', datatype: 'FP32', shape: ['1'], parameters: { q: { bool_param: true } } }],
      outputs: [{ name: 'OUT' }],
    });
  });

  test.each<{ datatype: Datatype; why: string | undefined }>([
    { datatype: 'FP16', why: 'InferTensorContents has no list for FP16 ("IN")' },
    { datatype: 'BF16', why: 'InferTensorContents has no list for BF16 ("IN")' },
    { datatype: 'FP32', why: undefined },
  ])('of $datatype: $why', ({ datatype, why }) => {
    expect(noLists(request(datatype, [1]).inputs)).toBe(why);
  });
});

describe('JSON', () => {
  test.each<{ datatype: Datatype; data: readonly unknown[] }>([
    { datatype: 'FP32', data: [0.1, -2] },
    { datatype: 'INT64', data: [1, -9] },
    { datatype: 'INT64', data: [2n ** 63n - 1n] },
    { datatype: 'BOOL', data: [true, false] },
    { datatype: 'BYTES', data: ['a "quoted" €'] },
  ])('$datatype $data reads back as the same request', ({ datatype, data }) => {
    const asked = request(datatype, data, { q: 1 });
    const body = Buffer.from(jsonEncoder(asked)());
    expect(readV2({ model: 'm', version: '1', body, jsonBytes: undefined }).request).toEqual(asked);
  });

  test('has the digits of a double, as the libraries of Python and JavaScript write them', () => {
    expect(jsonEncoder(request('FP32', [0.1]))()).toContain('[0.10000000149011612]');
  });
});

describe('an image tensor, FP32 [1,224,224,3]', () => {
  const metadata = {
    name: 'resnet',
    versions: [],
    platform: '',
    inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 224, 224, 3] }],
    outputs: [],
  };
  const made = invent(metadata, '', new Map());
  if ('refusals' in made) throw new Error('refused');
  const asked = made.request;
  const lengthOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, each) => sum + each.length, 0);

  test('has 602,112 bytes', () => {
    expect(asked.inputs[0]?.data.length).toBe(602_112);
  });

  test('adds 35 bytes as a gRPC message of raw bytes, and 41 as one of typed lists', () => {
    expect(lengthOf(encodeInfer(asked))).toBe(602_112 + 35);
    expect(lengthOf(typedEncoder(asked, jsonEncoder(asked)())())).toBe(602_112 + 41);
  });

  test('adds less than 200 bytes in the binary tensor data extension', () => {
    expect(lengthOf(encodeV2(asked, true).parts)).toBeLessThan(602_112 + 200);
  });

  test('is 4.8 times as large in JSON', () => {
    const { length } = jsonEncoder(asked)();
    expect(length).toBeGreaterThan(2_750_000);
    expect(length).toBeLessThan(3_050_000);
  });
});
