/**
 * The rules of the Open Inference Protocol, asked of a real Triton and of muster before it: the same verdict, or a better
 * one that docs/gateway.md names. Triton's own verdict is asserted too, so that a change of it is seen.
 */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Answer, post, withTriton } from './triton.ts';

const both = withTriton([
  'echo_fp32',
  'echo_int32',
  'echo_int64',
  'echo_fp16',
  'echo_bool',
  'echo_bytes',
  'echo_uint8',
  'classify',
  'fail',
  'gen',
]);

interface Case {
  readonly what: string;
  readonly model?: string;
  /** JSON text, or a value that becomes it. */
  readonly body: unknown;
  /** Bytes behind the JSON. */
  readonly tail?: Uint8Array;
  readonly headers?: Record<string, string>;
  readonly path?: string;
  /** Triton's status; ours unless `muster` says otherwise. */
  readonly triton: number;
  readonly muster?: number;
}

const fp32 = (over: object = {}) => ({ name: 'IN', datatype: 'FP32', shape: [1, 2], data: [1, 2.5], ...over });
const ask = (over: object = {}, rest: object = {}) => ({ inputs: [fp32(over)], ...rest });
const raw = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const binary = (size: number, over: object = {}) => ({
  inputs: [{ name: 'IN', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: size }, ...over }],
});

async function put(port: number, { model = 'echo_fp32', path, body, tail, headers = {} }: Case): Promise<Answer> {
  const head = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const extra: Record<string, string> =
    tail && !headers['inference-header-content-length']
      ? { 'inference-header-content-length': String(head.length) }
      : {};
  const all = headers['content-encoding'] === 'gzip' ? gzipSync(head) : Buffer.concat([head, tail ?? Buffer.alloc(0)]);
  return post(port, path ?? `/v2/models/${model}/infer`, all, {
    'content-type': tail ? 'application/octet-stream' : 'application/json',
    ...headers,
    ...extra,
  });
}

const askBoth = async (given: Case): Promise<{ triton: Answer; muster: Answer }> => ({
  triton: await put(both.triton.httpPort, given),
  muster: await put(both.gateway.port, given),
});

describe('what both take, with the same answer', () => {
  test.each<Omit<Case, 'triton'>>([
    { what: 'flat data', body: ask() },
    { what: 'nested data', body: ask({ data: [[1, 2.5]] }) },
    { what: 'integers for FP32', body: ask({ data: [1, 2] }) },
    { what: 'an id', body: ask({}, { id: '7' }) },
    { what: 'a version in the path', body: ask(), path: '/v2/models/echo_fp32/versions/1/infer' },
    { what: 'outputs by name', body: ask({}, { outputs: [{ name: 'OUT' }] }) },
    { what: 'an empty tensor', body: ask({ shape: [0, 2], data: [] }) },
    { what: 'a gzip body', body: ask(), headers: { 'content-encoding': 'gzip' } },
    {
      what: 'INT64 beyond 2^53',
      model: 'echo_int64',
      body: '{"inputs":[{"name":"IN","datatype":"INT64","shape":[1,2],"data":[9007199254740993,-9223372036854775808]}]}',
    },
    { what: 'BOOL', model: 'echo_bool', body: ask({ datatype: 'BOOL', data: [true, false] }) },
    { what: 'BYTES as text', model: 'echo_bytes', body: ask({ datatype: 'BYTES', data: ['ä"\\', ''] }) },
    { what: 'several outputs', model: 'classify', body: ask({ name: 'features', shape: [1, 4], data: [1, 2, 3, 4] }) },
    { what: 'classification', body: ask({}, { outputs: [{ name: 'OUT', parameters: { classification: 1 } }] }) },
  ])('$what', async (given) => {
    const { triton, muster } = await askBoth({ ...given, triton: 200 });
    expect([triton.status, muster.status, muster.text]).toEqual([200, 200, expect.any(String)]);
    expect(JSON.parse(muster.text)).toEqual(JSON.parse(triton.text));
  });

  test.each<Omit<Case, 'triton'>>([
    { what: 'bytes in, JSON out', body: binary(8), tail: raw(1, 2.5) },
    {
      what: 'bytes in, bytes out for all',
      body: { ...binary(8), parameters: { binary_data_output: true } },
      tail: raw(1, 2.5),
    },
    {
      what: 'bytes in, bytes out by name',
      body: { ...binary(8), outputs: [{ name: 'OUT', parameters: { binary_data: true } }] },
      tail: raw(1, 2.5),
    },
    {
      what: 'by name before for all',
      body: {
        ...binary(8),
        parameters: { binary_data_output: true },
        outputs: [{ name: 'OUT', parameters: { binary_data: false } }],
      },
      tail: raw(1, 2.5),
    },
    { what: 'JSON in, bytes out', body: ask({}, { parameters: { binary_data_output: true } }) },
    {
      what: 'FP16 as bytes',
      model: 'echo_fp16',
      body: { ...binary(4, { datatype: 'FP16' }), parameters: { binary_data_output: true } },
      tail: Buffer.from('003c00c0', 'hex'),
    },
    {
      what: 'BYTES as bytes, not UTF-8',
      model: 'echo_bytes',
      body: { ...binary(10, { datatype: 'BYTES' }), parameters: { binary_data_output: true } },
      tail: Buffer.from('01000000ff0100000041', 'hex'),
    },
  ])('$what', async (given) => {
    const { triton, muster } = await askBoth({ ...given, triton: 200 });
    expect([triton.status, muster.status, muster.text]).toEqual([200, 200, expect.any(String)]);
    const parts = ({ headers, bytes }: Answer) => {
      const length = headers.get('inference-header-content-length');
      const at = length === null ? bytes.length : Number(length);
      return {
        framed: length !== null,
        json: JSON.parse(String(bytes.subarray(0, at))),
        tail: bytes.subarray(at).toString('hex'),
      };
    };
    expect(parts(muster)).toEqual(parts(triton));
  });
});

describe('what is refused', () => {
  test.each<Case>([
    { what: 'too few values', body: ask({ data: [1] }), triton: 500, muster: 400 },
    { what: 'too many values', body: ask({ data: [1, 2, 3] }), triton: 500, muster: 400 },
    { what: 'text among numbers', body: ask({ data: [1, 'x'] }), triton: 500, muster: 400 },
    { what: 'null among numbers', body: ask({ data: [1, null] }), triton: 500, muster: 400 },
    { what: 'a numeric id', body: ask({}, { id: 7 }), triton: 500, muster: 400 },
    {
      what: 'NaN, which is no JSON',
      body: '{"inputs":[{"name":"IN","datatype":"FP32","shape":[1,2],"data":[NaN,1]}]}',
      triton: 200,
      muster: 400,
    },
    { what: 'a value beyond FP32', body: ask({ data: [1e39, 1] }), triton: 200, muster: 400 },
    { what: 'no JSON', body: '{', triton: 500, muster: 400 },
    { what: 'an empty body', body: '', triton: 400 },
    { what: 'no inputs', body: {}, triton: 500, muster: 400 },
    { what: 'another datatype than the model has', body: ask({ datatype: 'INT32', data: [1, 2] }), triton: 400 },
    { what: 'another rank than the model has', body: ask({ shape: [2] }), triton: 400 },
    { what: 'another input than the model has', body: ask({ name: 'OTHER' }), triton: 400 },
    { what: 'an input too many', body: { inputs: [fp32(), fp32({ name: 'MORE' })] }, triton: 400 },
    { what: 'an output the model does not have', body: ask({}, { outputs: [{ name: 'NOPE' }] }), triton: 400 },
    { what: 'an unknown model', model: 'nope', body: ask(), triton: 404 },
    { what: 'an unknown version', path: '/v2/models/echo_fp32/versions/9/infer', body: ask(), triton: 404 },
    { what: 'an unknown path', path: '/v2/models/echo_fp32/bogus', body: ask(), triton: 404 },
    {
      what: 'a reserved parameter',
      body: ask({}, { parameters: { triton_enable_empty_final_response: true } }),
      triton: 400,
    },
    { what: 'bytes behind the last input', body: binary(8), tail: raw(1, 2, 3), triton: 400 },
    { what: 'fewer bytes than announced', body: binary(8), tail: raw(1), triton: 400 },
    { what: 'fewer bytes than the shape takes', body: binary(4), tail: raw(1), triton: 400 },
    {
      what: 'a JSON length beyond the body',
      body: ask(),
      headers: { 'inference-header-content-length': '99999' },
      triton: 400,
    },
    { what: 'data and bytes', body: binary(8, { data: [1, 2] }), tail: raw(1, 2), triton: 400 },
    {
      what: 'infer of a decoupled model',
      model: 'gen',
      body: { inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: ['x'] }] },
      triton: 501,
    },
  ])('$what: $triton by Triton', async (given) => {
    const { triton, muster } = await askBoth(given);
    expect({ triton: triton.status, muster: muster.status, words: JSON.parse(muster.text) }).toEqual({
      triton: given.triton,
      muster: given.muster ?? given.triton,
      words: { error: expect.any(String) },
    });
  });

  test.each([
    { how: 1, words: /the model raised/ },
    { how: 0, words: /the model said no/ },
  ])('a model that fails ($how) is 500 with its words', async ({ how, words }) => {
    const body = { inputs: [{ name: 'IN', datatype: 'INT32', shape: [1], data: [how] }] };
    const { triton, muster } = await askBoth({ what: '', model: 'fail', body, triton: 500 });
    expect([triton.status, muster.status]).toEqual([500, 500]);
    expect(muster.text).toMatch(words);
  });
});

describe('where muster gives more', () => {
  test('NaN and Infinity of a model are null: Triton writes what no parser takes', async () => {
    const { triton, muster } = await askBoth({
      what: '',
      body: binary(8),
      tail: raw(Number.NaN, Infinity),
      triton: 200,
    });
    expect(() => JSON.parse(triton.text)).toThrow();
    expect(JSON.parse(muster.text).outputs[0].data).toEqual([null, null]);
  });

  test('FP16 as JSON', async () => {
    const given = { what: '', model: 'echo_fp16', body: ask({ datatype: 'FP16', data: [0.1, -2] }), triton: 400 };
    const { triton, muster } = await askBoth(given);
    expect([triton.status, muster.status]).toEqual([400, 200]);
    expect(JSON.parse(muster.text).outputs[0].data.map(Math.fround)).toEqual([0.0999755859375, -2]);
  });

  test('BYTES that are no text are refused as JSON, with the way to get them', async () => {
    const given = {
      what: '',
      model: 'echo_bytes',
      body: binary(10, { datatype: 'BYTES' }),
      tail: Buffer.from('01000000ff0100000041', 'hex'),
      triton: 200,
    };
    const { muster } = await askBoth(given);
    expect(muster).toMatchObject({ status: 422, text: expect.stringContaining('binary_data') });
  });
});

test('a body that is one tensor and no JSON', async () => {
  const given = {
    what: '',
    body: '',
    tail: raw(1, 2.5),
    headers: { 'inference-header-content-length': '0' },
    model: 'echo_fp32',
    triton: 400,
  };
  const { muster } = await askBoth(given);
  expect(muster.status).toBe(200);
  expect(muster.bytes.subarray(Number(muster.headers.get('inference-header-content-length'))).toString('hex')).toBe(
    Buffer.from(raw(1, 2.5)).toString('hex'),
  );
});
