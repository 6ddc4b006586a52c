/** Typed contents ↔ raw bytes, against the protobuf library that grpc-js uses. */
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import { inferResponse } from '../../../../src/gateway/grpc/oip/answer.ts';
import { inferRequestOf, readRequest } from '../../../../src/gateway/grpc/oip/request.ts';
import { fromRaw, type NumberType } from '../../../../src/gateway/tensor/numbers.ts';
import { bytesElements, type Datatype } from '../../../../src/gateway/tensor/tensor.ts';
import fc from '../../../property.ts';

interface Official {
  serialize(value: unknown): Buffer;
  deserialize(bytes: Buffer): never;
}
const file = join(import.meta.dirname, '../../../../proto/oip_infer.proto');
const loaded = loadSync(file, { keepCase: true, longs: String }) as unknown as Record<string, Official>;
const REQUEST = loaded['inference.ModelInferRequest']!;
const RESPONSE = loaded['inference.ModelInferResponse']!;

const int = (min: number, max: number) => fc.integer({ min, max });
const text = (value: bigint) => String(value);
const CASES: Readonly<Record<string, { field: string; values: fc.Arbitrary<unknown> }>> = {
  BOOL: { field: 'bool_contents', values: fc.boolean() },
  INT8: { field: 'int_contents', values: int(-128, 127) },
  INT16: { field: 'int_contents', values: int(-32_768, 32_767) },
  INT32: { field: 'int_contents', values: int(-(2 ** 31), 2 ** 31 - 1) },
  INT64: { field: 'int64_contents', values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(text) },
  UINT8: { field: 'uint_contents', values: int(0, 255) },
  UINT16: { field: 'uint_contents', values: int(0, 65_535) },
  UINT32: { field: 'uint_contents', values: int(0, 2 ** 32 - 1) },
  UINT64: { field: 'uint64_contents', values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(text) },
  FP32: { field: 'fp32_contents', values: fc.float() },
  FP64: { field: 'fp64_contents', values: fc.double() },
  BYTES: { field: 'bytes_contents', values: fc.uint8Array({ maxLength: 20 }).map((each) => Buffer.from(each)) },
};

/** The values in the library's words. */
const plain = (datatype: Datatype, data: Uint8Array): unknown[] => {
  if (datatype === 'BYTES') return (bytesElements(data) ?? []).map((each) => Buffer.from(each));
  if (datatype === 'BOOL') return Array.from(data, (each) => each !== 0);
  const values = Array.from(fromRaw(datatype as NumberType, data) as ArrayLike<number>);
  return values.map((each) => (typeof each === 'bigint' ? String(each) : each));
};

test.each(Object.entries(CASES))(
  '%s contents become raw bytes and come back as they were',
  (datatype, { field, values }) => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 40 }), (given) => {
        const inputs = [{ name: 'IN', datatype, shape: [given.length], contents: { [field]: given } }];
        const { inputs: tensors } = inferRequestOf(readRequest(REQUEST.serialize({ model_name: 'm', inputs })));
        expect(plain(datatype as Datatype, tensors[0]!.data)).toEqual(given);
        const response = { model: 'm', version: '', id: '', parameters: {}, outputs: tensors };
        const bytes = Buffer.concat(inferResponse(response, true));
        const { outputs } = RESPONSE.deserialize(bytes) as { outputs: [{ contents: Record<string, unknown[]> }] };
        expect(outputs[0].contents[field] ?? []).toEqual(given);
      }),
    );
  },
);

test('a list that is not packed is read too', () => {
  // One value at a time, as proto2 writes it: field 6, fixed32.
  const one = Buffer.concat([Buffer.from([53]), Buffer.from(Float32Array.of(1.5).buffer)]);
  const contents = Buffer.concat([one, one]);
  const input = Buffer.concat([
    REQUEST.serialize({ inputs: [{ name: 'IN', datatype: 'FP32', shape: [2] }] }).subarray(2),
    Buffer.from([42, contents.length]),
    contents,
  ]);
  const message = Buffer.concat([Buffer.from([42, input.length]), input]);
  const [tensor] = inferRequestOf(readRequest(message)).inputs;
  expect(plain('FP32', tensor!.data)).toEqual([1.5, 1.5]);
});

test('a shape of very many axes is refused as any wrong one is', () => {
  const count = 200_000;
  const shape = Buffer.concat([Buffer.of(0x1a, 0xc0, 0x9a, 0x0c), Buffer.alloc(count, 1)]); // packed
  const described = REQUEST.serialize({ inputs: [{ name: 'IN', datatype: 'UINT8' }] }).subarray(2);
  const message = Buffer.concat([Buffer.of(0x2a, 0xcf, 0x9a, 0x0c), described, shape]);
  expect(described.length + shape.length).toBe(200_015);
  expect(() => inferRequestOf(readRequest(message))).toThrow(`tensor "IN" has ${count} axes: at most 254 are taken`);
}, 60_000);

test.each([
  { what: 'inputs', field: 5 },
  { what: 'outputs', field: 6 },
  { what: 'raw_input_contents', field: 7 },
])('a message of very many empty $what is refused before they are all read', ({ what, field }) => {
  const message = (count: number) => Buffer.alloc(2 * count, Buffer.of((field << 3) | 2, 0));
  expect(() => readRequest(message(4_096))).not.toThrow();
  expect(() => readRequest(message(4_097))).toThrow(`the request has more than 4096 ${what}`);
});
