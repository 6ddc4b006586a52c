/** proto/oip_infer.proto against the originals, and our codec against proto-loader's reading of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import type { Datatype, Parameter } from '../../../src/gateway/tensor/tensor.ts';
import {
  decodeInfer,
  decodeModelMetadata,
  decodeServerMetadata,
  decodeStreamed,
  encodeInfer,
} from '../../../src/gateway/upstream/oip/messages.ts';
import { WireError } from '../../../src/wire/wire-error.ts';
import fc from '../../property.ts';

const OURS = join(import.meta.dirname, '../../../proto/oip_infer.proto');
const REFERENCES = join(import.meta.dirname, '../../../../shared/protos');

function messagesOf(at: protobuf.NamespaceBase): protobuf.Type[] {
  return at.nestedArray.flatMap((each) => [
    ...(each instanceof protobuf.Type ? [each] : []),
    ...(each instanceof protobuf.Namespace ? messagesOf(each) : []),
  ]);
}

const describeField = (field: protobuf.Field): string =>
  `${field.name} = ${field.id} ${field.repeated ? 'repeated ' : ''}${field instanceof protobuf.MapField ? 'map ' : ''}${field.type.split('.').at(-1)}`;

describe.each([
  { reference: 'triton/grpc_service.proto', lacks: [] },
  {
    reference: 'kserve/grpc_predict_v2.proto',
    lacks: ['double_param', 'uint64_param', 'ModelStreamInferResponse', 'ModelStreamInfer'],
  },
  { reference: 'mlserver/dataplane.proto', lacks: ['double_param', 'uint64_param', 'ModelStreamInferResponse'] },
])('oip_infer.proto against $reference', ({ reference, lacks }) => {
  const parse = (file: string) =>
    protobuf.parse(readFileSync(file, 'utf8'), new protobuf.Root(), { keepCase: true }).root;

  test('has the same field numbers and types, and the same methods', (ctx) => {
    if (!existsSync(REFERENCES)) return ctx.skip('no reference protos beside the project (../shared/protos)');
    const theirs = parse(join(REFERENCES, reference));
    const ours = parse(OURS);
    const messages = messagesOf(ours).filter(({ name }) => !lacks.includes(name));
    expect(messages.length).toBeGreaterThan(12);
    for (const message of messages) {
      const twin = theirs.lookupType(message.fullName);
      const known = message.fieldsArray.filter(({ name }) => !lacks.includes(name));
      expect(known.map((field) => twin.fields[field.name] && describeField(twin.fields[field.name]!))).toEqual(
        known.map(describeField),
      );
    }
    const service = 'inference.GRPCInferenceService';
    const methods = Object.keys(ours.lookupService(service).methods).filter((name) => !lacks.includes(name));
    expect(Object.keys(theirs.lookupService(service).methods)).toEqual(expect.arrayContaining(methods));
  });
});

interface Official {
  readonly type: { readonly name: string };
  serialize(value: unknown): Buffer;
  deserialize(bytes: Buffer): Record<string, unknown>;
}
const loaded = Object.values(loadSync(OURS, { keepCase: true, longs: String, defaults: true, oneofs: true }));
const official = new Map(
  (loaded as unknown as Official[]).filter((each) => 'deserialize' in each).map((each) => [each.type.name, each]),
);
const of = (name: string): Official => official.get(name)!;

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const parameter: fc.Arbitrary<Parameter> = fc.oneof(
  fc.boolean(),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((each) => !Number.isInteger(each)),
  text,
);
const parameters = fc.dictionary(text, parameter, { maxKeys: 4 });
const input = fc
  .record({ name: text, data: fc.uint8Array({ maxLength: 6_000 }), parameters })
  .map(({ data, ...rest }) => ({ ...rest, datatype: 'UINT8' as Datatype, shape: [data.length], data }));
const request: fc.Arbitrary<InferRequest> = fc.record({
  model: text,
  version: text,
  id: text,
  parameters,
  inputs: fc.array(input, { maxLength: 4 }),
  outputs: fc.array(fc.record({ name: text, parameters }), { maxLength: 3 }),
});

/** A parameter in proto-loader's words. */
function choice(value: Parameter): Record<string, unknown> {
  if (typeof value === 'boolean') return { bool_param: value };
  if (typeof value === 'string') return { string_param: value };
  if (typeof value === 'bigint')
    return value < 2n ** 63n ? { int64_param: String(value) } : { uint64_param: String(value) };
  return Number.isInteger(value) ? { int64_param: String(value) } : { double_param: value };
}
const choices = (all: Readonly<Record<string, Parameter>>) =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, expect.objectContaining(choice(value))]));

describe('what we write', () => {
  test('is what proto-loader reads', () => {
    fc.assert(
      fc.property(request, (given) => {
        const read = of('ModelInferRequest').deserialize(Buffer.concat(encodeInfer(given)));
        expect(read).toMatchObject({ model_name: given.model, model_version: given.version, id: given.id });
        expect(read.parameters ?? {}).toEqual(choices(given.parameters));
        expect(read.inputs).toMatchObject(
          given.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(String) })),
        );
        expect(read.raw_input_contents).toEqual(given.inputs.map(({ data }) => Buffer.from(data)));
        expect((read.outputs as { name: string }[]).map(({ name }) => name)).toEqual(
          given.outputs.map(({ name }) => name),
        );
      }),
    );
  });

  test('passes a large tensor on as the very bytes it was given', () => {
    const data = new Uint8Array(100_000);
    const parts = encodeInfer({
      model: 'm',
      version: '',
      id: '',
      parameters: {},
      inputs: [{ name: 'IN', datatype: 'UINT8', shape: [100_000], data }],
      outputs: [],
    });
    expect(parts.some((part) => part === data)).toBe(true);
  });

  test('an FP32 image tensor takes at most 602,200 bytes', () => {
    const image = { name: 'IN', datatype: 'FP32' as const, shape: [1, 224, 224, 3], data: new Uint8Array(602_112) };
    const parts = encodeInfer({
      model: 'identity',
      version: '',
      id: '1',
      parameters: {},
      inputs: [image],
      outputs: [],
    });
    expect(parts.reduce((sum, part) => sum + part.length, 0)).toBeLessThanOrEqual(602_200);
  });
});

describe('what we read', () => {
  const written = (response: object) => of('ModelInferResponse').serialize(response);
  const raw = (datatype: string, shape: number[], bytes: Uint8Array) => ({
    model_name: 'm',
    outputs: [{ name: 'OUT', datatype, shape }],
    raw_output_contents: [bytes],
  });

  test('raw outputs, with an empty `contents` beside them as MLServer sends it', () => {
    const bytes = written({
      model_name: 'm',
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], contents: {} }],
      raw_output_contents: [Buffer.from([1, 255])],
    });
    expect(decodeInfer(bytes).outputs).toMatchObject([{ name: 'OUT', shape: [2], data: Buffer.from([1, 255]) }]);
  });

  test.each([
    { datatype: 'BOOL', contents: { bool_contents: [true, false] }, hex: '0100' },
    { datatype: 'INT8', contents: { int_contents: [-1, 2] }, hex: 'ff02' },
    { datatype: 'INT32', contents: { int_contents: [-1, 2] }, hex: 'ffffffff02000000' },
    {
      datatype: 'INT64',
      contents: { int64_contents: ['-2', '9223372036854775807'] },
      hex: 'feffffffffffffffffffffffffffff7f',
    },
    { datatype: 'UINT16', contents: { uint_contents: [1, 65_535] }, hex: '0100ffff' },
    {
      datatype: 'UINT64',
      contents: { uint64_contents: ['1', '18446744073709551615'] },
      hex: '0100000000000000ffffffffffffffff',
    },
    { datatype: 'FP32', contents: { fp32_contents: [1.5, -2] }, hex: '0000c03f000000c0' },
    { datatype: 'FP64', contents: { fp64_contents: [1, 2] }, hex: '000000000000f03f0000000000000040' },
    { datatype: 'BYTES', contents: { bytes_contents: [Buffer.from('a'), Buffer.from('')] }, hex: '010000006100000000' },
  ])('typed $datatype as raw bytes', ({ datatype, contents, hex }) => {
    const { outputs } = decodeInfer(written({ outputs: [{ name: 'OUT', datatype, shape: [2], contents }] }));
    expect(Buffer.from(outputs[0]!.data).toString('hex')).toBe(hex);
  });

  test.each([
    {
      what: 'too few bytes',
      bytes: written(raw('FP32', [2], Buffer.alloc(4))),
      says: /has 4 bytes, but FP32 of shape \[2\] takes 8/,
    },
    {
      what: 'an unknown datatype',
      bytes: written(raw('FP8', [2], Buffer.alloc(2))),
      says: /datatype "FP8" is not known/,
    },
    { what: 'a negative size', bytes: written(raw('UINT8', [-1], Buffer.alloc(2))), says: /"OUT"/ },
    { what: 'a cut message', bytes: written(raw('UINT8', [9], Buffer.alloc(9))).subarray(0, -3), says: /no protobuf/ },
  ])('$what is malformed', ({ bytes, says }) => {
    expect(() => decodeInfer(bytes)).toThrow(WireError);
    expect(() => decodeInfer(bytes)).toThrow(says);
  });

  test('parameters of every kind', () => {
    const all = { a: true, b: -7, c: 2n ** 63n, d: 0.5, e: 'x', __proto: 1 };
    const parameters = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, choice(value)]));
    expect(decodeInfer(written({ parameters })).parameters).toEqual(all);
  });

  test('metadata', () => {
    const model = {
      name: 'm',
      versions: ['1', '2'],
      platform: 'python',
      inputs: [{ name: 'IN', datatype: 'FP32', shape: ['-1', '3'] }],
      outputs: [],
    };
    expect(decodeModelMetadata(of('ModelMetadataResponse').serialize(model))).toEqual({
      ...model,
      inputs: [{ name: 'IN', datatype: 'FP32', shape: [-1, 3] }],
    });
    const server = { name: 'triton', version: '2.51.0', extensions: ['sequence', 'trace'] };
    expect(decodeServerMetadata(of('ServerMetadataResponse').serialize(server))).toEqual(server);
  });

  test('a streamed error, and the request it belongs to', () => {
    const bytes = of('ModelStreamInferResponse').serialize({ error_message: 'no', infer_response: { id: '7' } });
    expect(decodeStreamed(bytes)).toMatchObject({ error: 'no', response: { id: '7' } });
  });

  test('random bytes end in a value or a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeInfer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
