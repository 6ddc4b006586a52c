/** What clients write, as requests to a predictor, and its answers as they read them. No socket. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import { readGenerate, writeGenerated } from '../../../src/gateway/protocol/generate.ts';
import type { InferResponse, ModelMetadata } from '../../../src/gateway/protocol/infer.ts';
import type { Reply } from '../../../src/gateway/protocol/reply.ts';
import { readV1, writeV1 } from '../../../src/gateway/protocol/v1.ts';
import { readRaw, readV2, writeV2 } from '../../../src/gateway/protocol/v2.ts';
import { rawOfJson } from '../../../src/gateway/tensor/from-json.ts';
import type { Datatype } from '../../../src/gateway/tensor/tensor.ts';
import fc from '../../property.ts';

const json = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const v2 = (head: unknown, tail?: Uint8Array, header?: string) => {
  const body = Buffer.concat([json(head), tail ?? new Uint8Array(0)]);
  const jsonBytes = header ?? (tail ? String(json(head).length) : undefined);
  return readV2({ model: 'm', version: '', body, jsonBytes });
};
const input = (over: object = {}) => ({ name: 'IN', datatype: 'INT8', shape: [2], ...over });
const bytes = (reply: Reply): Buffer => Buffer.concat(reply.parts.map((part) => Buffer.from(part as Uint8Array)));
const bodyOf = (reply: Reply) => JSON.parse(String(bytes(reply)));

const failure = (work: () => unknown): Failure => {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('was taken');
};

const answer = (datatype: Datatype, values: readonly unknown[], shape = [values.length]): InferResponse => ({
  model: 'm',
  version: '1',
  id: '7',
  parameters: {},
  outputs: [{ name: 'OUT', datatype, shape, data: rawOfJson({ name: 'OUT', datatype, shape }, values) }],
});
const NONE = { binary: false, byName: new Map<string, boolean>() };

describe('V2 requests', () => {
  test('as JSON', () => {
    const { request } = v2({
      id: '7',
      parameters: { a: 1 },
      inputs: [input({ data: [1, -1] })],
      outputs: [{ name: 'OUT' }],
    });
    expect(request).toMatchObject({
      model: 'm',
      id: '7',
      parameters: { a: 1 },
      outputs: [{ name: 'OUT', parameters: {} }],
    });
    expect(request.inputs).toMatchObject([{ name: 'IN', datatype: 'INT8', shape: [2], data: Uint8Array.of(1, 255) }]);
  });

  test('64-bit values are what was written, not what a double can hold', () => {
    const { request } = v2('{"inputs":[{"name":"IN","datatype":"INT64","shape":[2],"data":[9007199254740993,-5]}]}');
    expect(Buffer.from(request.inputs[0]!.data).readBigInt64LE(0)).toBe(9_007_199_254_740_993n);
  });

  test('as bytes behind the JSON, in the order of the inputs; JSON inputs between them', () => {
    const inputs = [
      input({ parameters: { binary_data_size: 2, keep: true } }),
      input({ name: 'B', data: [5, 6] }),
      input({ name: 'C', parameters: { binary_data_size: 2 } }),
    ];
    const { request } = v2({ inputs }, Uint8Array.of(1, 2, 3, 4));
    expect(request.inputs.map(({ data }) => [...data])).toEqual([
      [1, 2],
      [5, 6],
      [3, 4],
    ]);
    expect(request.inputs[0]?.parameters).toEqual({ keep: true });
  });

  test('bytes are views of the body, not copies', () => {
    const head = json({ inputs: [input({ parameters: { binary_data_size: 2 } })] });
    const body = Buffer.concat([head, Uint8Array.of(1, 2)]);
    const { request } = readV2({ model: 'm', version: '', body, jsonBytes: String(head.length) });
    expect(request.inputs[0]?.data.buffer).toBe(body.buffer);
  });

  const two = { inputs: [input({ parameters: { binary_data_size: 2 } })] };
  test.each<{ when: string; ask: () => unknown; says: RegExp; status?: number }>([
    { when: 'an empty body', ask: () => v2(''), says: /body is empty/ },
    { when: 'no JSON', ask: () => v2('{"inputs": [NaN]}'), says: /no JSON/ },
    {
      when: 'no UTF-8',
      ask: () => readV2({ model: 'm', version: '', body: Buffer.from('ff', 'hex'), jsonBytes: undefined }),
      says: /not UTF-8/,
    },
    {
      when: 'more lists than memory should hold',
      ask: () => v2(`{"inputs": [${'[],'.repeat(4_000_000)}[]]}`),
      says: /the body has 4000004 lists, objects and fields, over 4000000: send tensors flat/,
      status: 413,
    },
    { when: 'a list', ask: () => v2([]), says: /not an object/ },
    { when: 'no inputs', ask: () => v2({}), says: /no inputs/ },
    { when: 'inputs that are no list', ask: () => v2({ inputs: {} }), says: /"inputs" must be a list of objects/ },
    {
      when: 'a numeric id',
      ask: () => v2({ id: 7, inputs: [input({ data: [1, 2] })] }),
      says: /"id" must be a string/,
    },
    { when: 'an input without a name', ask: () => v2({ inputs: [input({ name: '' })] }), says: /an input has no name/ },
    {
      when: 'an unknown datatype',
      ask: () => v2({ inputs: [input({ datatype: 'FP8' })] }),
      says: /datatype "FP8" is none of BOOL/,
    },
    { when: 'a negative size', ask: () => v2({ inputs: [input({ shape: [-1], data: [] })] }), says: /-1 in its shape/ },
    { when: 'no shape', ask: () => v2({ inputs: [input({ shape: undefined, data: [] })] }), says: /has no shape/ },
    { when: 'neither data nor bytes', ask: () => v2({ inputs: [input()] }), says: /neither "data" nor/ },
    {
      when: 'data and bytes',
      ask: () => v2({ inputs: [input({ data: [1, 2], parameters: { binary_data_size: 2 } })] }, Buffer.alloc(2)),
      says: /must set only one/,
    },
    {
      when: 'bytes that do not fit the shape',
      ask: () => v2({ inputs: [input({ parameters: { binary_data_size: 3 } })] }, Buffer.alloc(3)),
      says: /has 3 bytes, but INT8 of shape \[2\] takes 2/,
    },
    { when: 'too few bytes', ask: () => v2(two, Buffer.alloc(1)), says: /announces 2 binary bytes, but 1 are left/ },
    { when: 'too many bytes', ask: () => v2(two, Buffer.alloc(3)), says: /unexpected additional input data: 1 bytes/ },
    { when: 'a header beyond the body', ask: () => v2(two, Buffer.alloc(2), '9999'), says: /should be in the range/ },
    { when: 'a header that is no number', ask: () => v2(two, Buffer.alloc(2), '0x10'), says: /should be in the range/ },
    {
      when: 'a reserved parameter',
      ask: () => v2({ parameters: { triton_x: 1 }, inputs: [input({ data: [1, 2] })] }),
      says: /"triton_x" is reserved/,
    },
    {
      when: 'a parameter that is a list',
      ask: () => v2({ parameters: { a: [] }, inputs: [input({ data: [1, 2] })] }),
      says: /parameter "a" must be/,
    },
    {
      when: 'binary_data that is no boolean',
      ask: () =>
        v2({ inputs: [input({ data: [1, 2] })], outputs: [{ name: 'O', parameters: { binary_data: 'yes' } }] }),
      says: /"binary_data" must be true or false/,
    },
  ])('with $when are refused', ({ ask, says, status = 400 }) => {
    expect(failure(ask)).toMatchObject({ status, message: expect.stringMatching(says) });
  });

  test('any bytes end in a request or a refusal', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json().map(json), fc.uint8Array()),
        fc.option(fc.nat({ max: 300 }).map(String), { nil: undefined }),
        (body, jsonBytes) => {
          try {
            readV2({ model: 'm', version: '', body, jsonBytes });
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
    );
  });
});

describe('a body without JSON', () => {
  const model = (...inputs: { shape: number[]; datatype: string }[]): ModelMetadata => ({
    name: 'm',
    versions: [],
    platform: '',
    inputs: inputs.map((each, at) => ({ name: `IN${at}`, ...each })),
    outputs: [],
  });
  const raw = (length: number, metadata: ModelMetadata) =>
    readRaw({ model: 'm', version: '', body: new Uint8Array(length), jsonBytes: '0' }, metadata).request.inputs[0];

  test.each([
    { shape: [-1, 3], datatype: 'FP32', length: 24, want: [2, 3] },
    { shape: [-1, -1], datatype: 'FP32', length: 24, want: [1, 6] },
    { shape: [2, 3], datatype: 'FP32', length: 24, want: [2, 3] },
  ])('is the input $shape when $length bytes can be nothing else', ({ shape, datatype, length, want }) => {
    expect(raw(length, model({ shape, datatype }))?.shape).toEqual(want);
  });

  test.each([
    {
      when: 'two inputs',
      metadata: model({ shape: [1], datatype: 'INT8' }, { shape: [1], datatype: 'INT8' }),
      length: 1,
    },
    { when: 'several open sizes', metadata: model({ shape: [-1, -1, -1], datatype: 'INT8' }), length: 4 },
    { when: 'a length that does not divide', metadata: model({ shape: [-1, 3], datatype: 'INT8' }), length: 4 },
  ])('is refused for $when', ({ metadata, length }) => {
    expect(failure(() => raw(length, metadata)).status).toBe(400);
  });
});

describe('V2 answers', () => {
  test('as JSON', () => {
    const reply = writeV2(answer('INT8', [1, -1]), NONE);
    expect(reply.type).toBe('application/json');
    expect(bodyOf(reply)).toEqual({
      model_name: 'm',
      model_version: '1',
      id: '7',
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], data: [1, -1] }],
    });
  });

  test.each([
    { when: 'all are wanted as bytes', wants: { binary: true, byName: new Map() }, asBytes: true },
    { when: 'this one is', wants: { binary: false, byName: new Map([['OUT', true]]) }, asBytes: true },
    { when: 'all but this one are', wants: { binary: true, byName: new Map([['OUT', false]]) }, asBytes: false },
  ])('as the binary extension when $when: $asBytes', ({ wants, asBytes }) => {
    const reply = writeV2(answer('INT8', [1, -1]), wants);
    const length = reply.headers?.['inference-header-content-length'];
    expect(length !== undefined).toBe(asBytes);
    expect(reply.type).toBe(asBytes ? 'application/octet-stream' : 'application/json');
    if (!asBytes) return;
    const all = bytes(reply);
    expect(JSON.parse(String(all.subarray(0, Number(length)))).outputs[0].parameters).toEqual({ binary_data_size: 2 });
    expect([...all.subarray(Number(length))]).toEqual([1, 255]);
  });

  test('long lists, short ones and bytes in any order', () => {
    const long = Array.from({ length: 5_000 }, (_, at) => Math.fround(Math.sin(at)));
    const sorts = { long, short: [1, 2.5], bytes: [3] } as const;
    const names = fc.array(fc.constantFrom('long', 'short', 'bytes'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(names, (all) => {
        const outputs = all.map((sort, at) => ({ ...answer('FP32', sorts[sort]).outputs[0]!, name: `${sort}${at}` }));
        const byName = new Map(outputs.map(({ name }) => [name, name.startsWith('bytes')]));
        const reply = writeV2({ ...answer('INT8', []), outputs }, { binary: true, byName });
        const text = bytes(reply);
        const length = reply.headers?.['inference-header-content-length'];
        const head = JSON.parse(String(text.subarray(0, length === undefined ? text.length : Number(length))));
        const data = head.outputs.map((each: { data?: number[] }) => each.data?.map(Math.fround));
        expect(data).toEqual(all.map((sort) => (sort === 'bytes' ? undefined : sorts[sort])));
        expect(length !== undefined).toBe(all.includes('bytes'));
      }),
      { numRuns: 30 },
    );
  });

  test('bytes go round: what we write as an answer we read as a request', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 4 }), (datas) => {
        const outputs = datas.map((data, at) => ({
          name: `T${at}`,
          datatype: 'UINT8' as const,
          shape: [data.length],
          data,
        }));
        const reply = writeV2({ ...answer('INT8', []), outputs }, { binary: true, byName: new Map() });
        const text = bytes(reply);
        const jsonBytes = Number(reply.headers?.['inference-header-content-length']);
        const head = JSON.parse(String(text.subarray(0, jsonBytes)));
        const { request } = v2({ inputs: head.outputs }, text.subarray(jsonBytes));
        expect(request.inputs.map(({ data }) => [...data])).toEqual(datas.map((data) => [...data]));
      }),
    );
  });
});

const CLASSIFY: ModelMetadata = {
  name: 'classify',
  versions: ['1'],
  platform: '',
  inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [],
};

describe('V1', () => {
  test.each([
    {
      when: 'rows',
      body: {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      form: 'rows',
    },
    { when: 'named rows', body: { instances: [{ features: [1, 2] }, { features: [3, 4] }] }, form: 'rows' },
    {
      when: 'a column',
      body: {
        inputs: [
          [1, 2],
          [3, 4],
        ],
      },
      form: 'columns',
    },
    {
      when: 'named columns',
      body: {
        inputs: {
          features: [
            [1, 2],
            [3, 4],
          ],
        },
      },
      form: 'columns',
    },
  ])('reads $when', ({ body, form }) => {
    const read = readV1('classify', json(body), CLASSIFY);
    expect(read.form).toBe(form);
    expect(read.request.inputs).toMatchObject([{ name: 'features', datatype: 'FP32', shape: [2, 2] }]);
    expect(Array.from(new Float32Array(read.request.inputs[0]!.data.slice().buffer))).toEqual([1, 2, 3, 4]);
  });

  test('text, and text as base64', () => {
    const model = { ...CLASSIFY, inputs: [{ name: 'text', datatype: 'BYTES', shape: [-1, 1] }] };
    const { request } = readV1('m', json({ instances: ['ab', { b64: Buffer.from('ab').toString('base64') }] }), model);
    expect(request.inputs).toMatchObject([{ shape: [2, 1] }]);
    expect(Buffer.from(request.inputs[0]!.data).toString('latin1')).toBe('\x02\0\0\0ab\x02\0\0\0ab');
  });

  test.each([
    { when: 'neither instances nor inputs', body: {}, says: /neither "instances" nor "inputs"/ },
    { when: 'no rows', body: { instances: [] }, says: /a row at least/ },
    { when: 'ragged rows', body: { instances: [[1, 2], [3]] }, says: /differ in length/ },
    {
      when: 'named rows that name different inputs',
      body: { instances: [{ features: [1, 2] }, { other: 1 }] },
      says: /row 1/,
    },
    { when: 'named and bare rows', body: { instances: [{ features: [1, 2] }, [1, 2]] }, says: /mixes/ },
    { when: 'an unknown input', body: { inputs: { bogus: 1 } }, says: /no input "bogus"; it has features/ },
  ])('with $when is refused', ({ body, says }) => {
    expect(failure(() => readV1('classify', json(body), CLASSIFY))).toMatchObject({
      status: 400,
      message: expect.stringMatching(says),
    });
  });

  test('one output is the predictions themselves, several are rows by name', () => {
    const one = answer('INT8', [1, 2, 3, 4], [2, 2]);
    expect(bodyOf(writeV1(one, 'rows'))).toEqual({
      predictions: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(bodyOf(writeV1(one, 'columns'))).toEqual({
      outputs: [
        [1, 2],
        [3, 4],
      ],
    });
    const two = {
      ...one,
      outputs: [...one.outputs, { ...one.outputs[0]!, name: 'B', shape: [2], data: Uint8Array.of(8, 9) }],
    };
    expect(bodyOf(writeV1(two, 'rows'))).toEqual({
      predictions: [
        { OUT: [1, 2], B: 8 },
        { OUT: [3, 4], B: 9 },
      ],
    });
  });
});

describe('generate', () => {
  const GEN: ModelMetadata = {
    name: 'gen',
    versions: [],
    platform: '',
    inputs: [
      { name: 'text_input', datatype: 'BYTES', shape: [1] },
      { name: 'max_tokens', datatype: 'INT32', shape: [-1, 1] },
    ],
    outputs: [],
  };
  const read = (body: unknown) => readGenerate({ model: 'gen', version: '', body: json(body) }, GEN);

  test('fields are inputs where the model has one of that name, else parameters', () => {
    const request = read({ id: 'a', text_input: 'hi', max_tokens: 3, temperature: 0.5, parameters: { top_k: 5 } });
    expect(request).toMatchObject({ id: 'a', parameters: { temperature: 0.5, top_k: 5 } });
    expect(request.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['text_input', [1]],
      ['max_tokens', [1, 1]],
    ]);
  });

  test('an input may stand in "parameters" too', () => {
    expect(read({ text_input: 'hi', parameters: { max_tokens: 3 } }).inputs.map(({ name }) => name)).toContain(
      'max_tokens',
    );
  });

  test.each([
    { when: 'a list nobody asked for', body: { text_input: 'hi', bogus: [1] }, says: /parameter "bogus"/ },
    { when: 'a number for text', body: { text_input: 1 }, says: /1 is no BYTES/ },
    { when: 'parameters that are no object', body: { parameters: 1 }, says: /"parameters" must be an object/ },
  ])('with $when is refused', ({ body, says }) => {
    expect(failure(() => read(body))).toMatchObject({ status: 400, message: expect.stringMatching(says) });
  });

  test('an answer is its outputs by name', () => {
    expect(JSON.parse(writeGenerated(answer('BYTES', ['hi'])))).toEqual({
      id: '7',
      model_name: 'm',
      model_version: '1',
      OUT: 'hi',
    });
    expect(JSON.parse(writeGenerated(answer('INT8', [1, 2]))).OUT).toEqual([1, 2]);
  });
});
