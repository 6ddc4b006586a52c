/**
 * The rules of the Open Inference Protocol, asked of a real Triton and of muster before it: the same verdict, or another
 * one that docs/gateway.md names. Triton's own verdict is asserted too, so that a change of it is seen.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
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
  'pair',
  'slow',
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
  /** What docs/gateway.md calls this difference: a part of one first cell of its table. */
  readonly differs?: string;
}

const fp32 = (over: object = {}) => ({ name: 'IN', datatype: 'FP32', shape: [1, 2], data: [1, 2.5], ...over });
const ask = (over: object = {}, rest: object = {}) => ({ inputs: [fp32(over)], ...rest });
const raw = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const binary = (size: number, over: object = {}) => ({
  inputs: [{ name: 'IN', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: size }, ...over }],
});

const PACK: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gzipSync, deflate: deflateSync };
const [A, B] = [raw(1, 2.5), new Uint8Array(Int32Array.of(7, 8, 9).buffer)];
const a = (over: object = {}) => ({ name: 'A', datatype: 'FP32', shape: [2], ...over });
const b = (over: object = {}) => ({ name: 'B', datatype: 'INT32', shape: [3], ...over });
const bytes = (binary_data_size: number) => ({ parameters: { binary_data_size } });

async function put(port: number, { model = 'echo_fp32', path, body, tail, headers = {} }: Case): Promise<Answer> {
  const head = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const extra: Record<string, string> =
    tail && !headers['inference-header-content-length']
      ? { 'inference-header-content-length': String(head.length) }
      : {};
  const pack = PACK[headers['content-encoding'] ?? ''] ?? ((bytes: Buffer) => bytes);
  const all = pack(Buffer.concat([head, tail ?? Buffer.alloc(0)]));
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
    { what: 'a deflate body', body: ask(), headers: { 'content-encoding': 'deflate' } },
    { what: 'a field nobody knows', body: ask({}, { zzz: 1 }) },
    { what: 'lists that are not nested as the shape is', body: ask({ data: [[1], 2.5] }) },
    {
      what: 'one output of two',
      model: 'pair',
      body: { inputs: [a({ data: [1, 2] }), b({ data: [7, 8, 9] })], outputs: [{ name: 'B' }] },
    },
    { what: 'inputs in another order', model: 'pair', body: { inputs: [b({ data: [7, 8, 9] }), a({ data: [1, 2] })] } },
    {
      what: 'the same output twice',
      model: 'pair',
      body: { inputs: [a({ data: [1, 2] }), b({ data: [7, 8, 9] })], outputs: [{ name: 'B' }, { name: 'B' }] },
    },
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
      what: 'BOOL as bytes',
      model: 'echo_bool',
      body: { ...binary(2, { datatype: 'BOOL' }), parameters: { binary_data_output: true } },
      tail: Uint8Array.of(1, 0),
    },
    {
      what: 'two inputs, their bytes in the order in which they are named',
      model: 'pair',
      body: { inputs: [b(bytes(12)), a(bytes(8))] },
      tail: Buffer.concat([B, A]),
    },
    {
      what: 'one input as JSON, one as bytes; one output as bytes, one as JSON',
      model: 'pair',
      body: {
        inputs: [a({ data: [1, 2.5] }), b(bytes(12))],
        outputs: [{ name: 'B', parameters: { binary_data: true } }, { name: 'A' }],
      },
      tail: B,
    },
    {
      what: 'one tensor and no JSON',
      model: 'slow',
      body: '',
      tail: raw(0),
      headers: { 'inference-header-content-length': '0' },
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

/** A difference of docs/gateway.md. */
const NO_JSON = 'no JSON, no inputs';
const REFUSED: readonly Case[] = [
  { what: 'too few values', body: ask({ data: [1] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'too many values', body: ask({ data: [1, 2, 3] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'text among numbers', body: ask({ data: [1, 'x'] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'null among numbers', body: ask({ data: [1, null] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'an object among numbers', body: ask({ data: [1, {}] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'true among numbers', body: ask({ data: [1, true] }), triton: 500, muster: 400, differs: NO_JSON },
  {
    what: 'a number among BYTES',
    model: 'echo_bytes',
    body: ask({ datatype: 'BYTES', data: ['x', 1] }),
    triton: 500,
    muster: 400,
    differs: NO_JSON,
  },
  {
    what: '1.5 as INT32',
    model: 'echo_int32',
    body: ask({ datatype: 'INT32', data: [1, 1.5] }),
    triton: 500,
    muster: 400,
    differs: NO_JSON,
  },
  { what: 'a numeric id', body: ask({}, { id: 7 }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'a size below zero', body: ask({ shape: [-1, 2] }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'an input without a shape', body: ask({ shape: undefined }), triton: 500, muster: 400, differs: NO_JSON },
  {
    what: 'an input without a datatype',
    body: ask({ datatype: undefined }),
    triton: 500,
    muster: 400,
    differs: NO_JSON,
  },
  { what: 'an input without a name', body: ask({ name: undefined }), triton: 500, muster: 400, differs: NO_JSON },
  { what: 'an input without data', body: ask({ data: undefined }), triton: 400 },
  { what: 'a datatype nobody knows', body: ask({ datatype: 'FLOAT' }), triton: 400 },
  {
    what: 'NaN, which is no JSON',
    body: '{"inputs":[{"name":"IN","datatype":"FP32","shape":[1,2],"data":[NaN,1]}]}',
    triton: 200,
    muster: 400,
    differs: "`NaN` or `Infinity` in a request's JSON",
  },
  {
    what: 'a value beyond FP32',
    body: ask({ data: [1e39, 1] }),
    triton: 200,
    muster: 400,
    differs: 'a number that overflows its type',
  },
  {
    what: 'a number beyond all',
    body: '{"inputs":[{"name":"IN","datatype":"FP32","shape":[1,2],"data":[1e400,1]}]}',
    triton: 500,
    muster: 400,
    differs: NO_JSON,
  },
  {
    what: '300 as UINT8',
    model: 'echo_uint8',
    body: ask({ datatype: 'UINT8', data: [300, 1] }),
    triton: 200,
    muster: 400,
    differs: 'a number that overflows its type',
  },
  { what: 'no JSON', body: '{', triton: 500, muster: 400, differs: NO_JSON },
  { what: 'JSON that is no object', body: [], triton: 500, muster: 400, differs: NO_JSON },
  {
    what: 'a number that begins with 0',
    body: '{"inputs":[{"name":"IN","datatype":"FP32","shape":[1,2],"data":[01,1]}]}',
    triton: 500,
    muster: 400,
    differs: NO_JSON,
  },
  { what: 'an empty body', body: '', triton: 400 },
  { what: 'no inputs', body: {}, triton: 500, muster: 400, differs: NO_JSON },
  { what: 'another datatype than the model has', body: ask({ datatype: 'INT32', data: [1, 2] }), triton: 400 },
  { what: 'another rank than the model has', body: ask({ shape: [2] }), triton: 400 },
  { what: 'another input than the model has', body: ask({ name: 'OTHER' }), triton: 400 },
  { what: 'an input too few', model: 'pair', body: { inputs: [a({ data: [1, 2] })] }, triton: 400 },
  { what: 'an input too many', body: { inputs: [fp32(), fp32({ name: 'MORE' })] }, triton: 400 },
  { what: 'the same input twice', body: { inputs: [fp32(), fp32()] }, triton: 400 },
  { what: 'an output the model does not have', body: ask({}, { outputs: [{ name: 'NOPE' }] }), triton: 400 },
  { what: 'a parameter that is an object', body: ask({}, { parameters: { p: {} } }), triton: 400 },
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
    what: 'an element of BYTES that is longer than what follows',
    model: 'echo_bytes',
    body: binary(10, { datatype: 'BYTES' }),
    tail: Buffer.from('09000000ff0100000041', 'hex'),
    triton: 400,
  },
  ...['99999', '-1', 'x'].map((length) => ({
    what: `a JSON length of ${length}`,
    body: ask(),
    headers: { 'inference-header-content-length': length },
    triton: 400,
  })),
  { what: 'data and bytes', body: binary(8, { data: [1, 2] }), tail: raw(1, 2), triton: 400 },
  {
    what: 'a body packed in a way that is not taken',
    body: ask(),
    headers: { 'content-encoding': 'br' },
    triton: 501,
    muster: 415,
    differs: 'packed in another way than gzip and deflate',
  },
  {
    what: 'infer of a decoupled model',
    model: 'gen',
    body: { inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: ['x'] }] },
    triton: 501,
  },
];

describe('what is refused', () => {
  test.each<Case>(REFUSED)('$what: $triton by Triton', async (given) => {
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

const NOT_UTF8 = Buffer.from('01000000ff0100000041', 'hex');
const TAKEN: readonly (Case & { readonly data: readonly unknown[] })[] = [
  {
    what: 'FP16 as JSON',
    model: 'echo_fp16',
    body: ask({ datatype: 'FP16', data: [0.5, -2] }),
    triton: 400,
    differs: 'FP16, BF16 as JSON',
    data: [0.5, -2],
  },
  {
    what: '1 and 0 as BOOL',
    model: 'echo_bool',
    body: ask({ datatype: 'BOOL', data: [1, 0] }),
    triton: 500,
    differs: '`1` and `0` as BOOL',
    data: [true, false],
  },
  {
    what: 'parameters that are null',
    body: ask({}, { parameters: null }),
    triton: 500,
    differs: '"parameters": null',
    data: [1, 2.5],
  },
];

describe('where muster gives more', () => {
  test.each(TAKEN)('$what: $triton by Triton', async (given) => {
    const { triton, muster } = await askBoth(given);
    expect([triton.status, muster.status]).toEqual([given.triton, 200]);
    expect(JSON.parse(muster.text).outputs[0].data).toEqual(given.data);
  });

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

  test('BYTES that are no text are refused as JSON, with the way to get them: Triton writes them as they are', async () => {
    const body = binary(10, { datatype: 'BYTES' });
    const { triton, muster } = await askBoth({ what: '', model: 'echo_bytes', body, tail: NOT_UTF8, triton: 200 });
    expect([triton.status, triton.bytes.includes(0xff)]).toEqual([200, true]);
    expect(muster).toMatchObject({ status: 422, text: expect.stringContaining('binary_data') });
  });

  test('a body that is one tensor and no JSON, where the batch is open too', async () => {
    const headers = { 'inference-header-content-length': '0' };
    const { triton, muster } = await askBoth({ what: '', body: '', tail: raw(1, 2.5), headers, triton: 400 });
    expect([triton.status, muster.status]).toEqual([400, 200]);
    const at = Number(muster.headers.get('inference-header-content-length'));
    expect(muster.bytes.subarray(at)).toEqual(Buffer.from(raw(1, 2.5)));
  });
});

describe('where muster gives less', () => {
  test('an answer is not packed', async () => {
    const { triton, muster } = await askBoth({ what: '', body: ask(), triton: 200 }); // fetch takes gzip and deflate
    const packed = ({ headers }: Answer) => headers.get('content-encoding');
    expect([packed(triton), packed(muster)]).toEqual([expect.stringMatching(/gzip|deflate/), null]);
  });

  test('GET where POST belongs is 404', async () => {
    const status = (port: number) =>
      fetch(`http://127.0.0.1:${port}/v2/models/echo_fp32/infer`).then((response) => response.status);
    expect([await status(both.triton.httpPort), await status(both.gateway.port)]).toEqual([405, 404]);
  });
});

/** Differences that tests of their own show. */
const SHOWN = [
  '`NaN`, `Infinity` in an answer as JSON',
  'BYTES that are not UTF-8, asked for as JSON',
  'one tensor and no JSON, of a model whose batch is open',
  '`accept-encoding: gzip`',
  '`GET` where `POST` belongs',
  '`generate` with several answers', // stream.test.ts
  'a stream whose model fails before its first answer', // stream.test.ts
];

test('docs/gateway.md has these differences and no others', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/gateway.md'), 'utf8');
  const [, table = ''] = /\| case \| Triton [\d.]+ \| muster \|\n\| [- |]+\n([\s\S]*?)\n\n/.exec(text) ?? [];
  const cells = table.split('\n').map((row) => row.split(' | ')[0] ?? '');
  const shown = new Set([...REFUSED, ...TAKEN].flatMap(({ differs }) => differs ?? []).concat(SHOWN));
  for (const each of shown) expect(cells.filter((cell) => cell.includes(each))).toHaveLength(1);
  expect(cells.filter((cell) => ![...shown].some((each) => cell.includes(each)))).toEqual([]);
  const undocumented = REFUSED.filter(({ muster, differs }) => muster !== undefined && differs === undefined);
  expect(undocumented.map(({ what }) => what)).toEqual([]);
});
