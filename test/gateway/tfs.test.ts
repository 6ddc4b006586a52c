/**
 * TensorFlow's own reading and writing of TensorFlow Serving's messages, as the predictor and as the client: real SavedModels
 * behind the gateway, TensorFlow's client before it, and before a real Triton.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { askAsTfs, startTfs, type Tfs } from '../../scripts/tfs.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type Datatype, ELEMENT_BYTES, joinBytes } from '../../src/gateway/tensor/tensor.ts';
import { gatewayTo, post, withTriton } from './triton.ts';

const TYPES = {
  BOOL: 'bool',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  FP16: 'float16',
  BF16: 'bfloat16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Readonly<Record<Datatype, string>>;

let tfs: Tfs;
let gateway: Gateway;
beforeAll(async () => {
  tfs = await startTfs();
  gateway = await gatewayTo(tfs.grpcPort, '--predictor_protocol=grpc-tfs');
}, 600_000);
afterAll(async () => {
  await gateway?.close();
  await tfs?.kill();
});

const get = async (path: string) => {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`);
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};
/** A look has seconds, which a busy machine may not have: until it is answered. */
const seen = (path: string) =>
  vi.waitFor(
    async () => {
      const answer = await get(path);
      expect(answer.status, JSON.stringify(answer.json)).toBe(200);
      return answer;
    },
    { timeout: 60_000, interval: 200 },
  );
const postJson = async (path: string, body: unknown) => {
  const { status, text } = await post(gateway.port, path, JSON.stringify(body));
  return { status, json: JSON.parse(text) };
};

/** Bits of every kind, those of NaN and of the smallest and largest values too; texts that are no UTF-8. */
function dataOf(datatype: Datatype, count: number): Uint8Array {
  const size = ELEMENT_BYTES[datatype];
  if (size === undefined)
    return joinBytes(Array.from({ length: count }, (_, at) => Buffer.alloc(at * 7, 0xff - (at % 3))));
  if (datatype === 'BOOL') return Uint8Array.from({ length: count }, (_, at) => at % 2);
  return Uint8Array.from({ length: count * size }, (_, at) => [0xff, 0, 0x7f, 0x80, 0xc1, 1][(at * 5) % 6] as number);
}

/** One tensor there and back, as bytes. */
async function echoed(datatype: Datatype, shape: readonly number[], version: string) {
  const data = dataOf(
    datatype,
    shape.reduce((product, each) => product * each, 1),
  );
  const tensor = { name: 'x', datatype, shape, parameters: { binary_data_size: data.length } };
  const parameters = { binary_data_output: true, signature_name: `echo_${TYPES[datatype]}` };
  const head = Buffer.from(JSON.stringify({ inputs: [tensor], parameters }));
  const headers = { 'inference-header-content-length': String(head.length) };
  const path = `/v2/models/echo/versions/${version}/infer`;
  const answer = await post(gateway.port, path, Buffer.concat([head, data]), headers);
  const jsonBytes = Number(answer.headers.get('inference-header-content-length') ?? answer.bytes.length);
  const [output] = JSON.parse(String(answer.bytes.subarray(0, jsonBytes))).outputs ?? [{ error: answer.text }];
  return { data, output, back: answer.bytes.subarray(jsonBytes) };
}

describe.each([
  { version: '1', form: 'tensor_content' },
  { version: 'lists', form: 'typed lists' },
])('a tensor comes back by $form as it went', ({ version }) => {
  test.each(Object.keys(TYPES) as Datatype[])('%s', async (datatype) => {
    for (const shape of [[3, 2], [1], [], [0, 2]]) {
      const { data, output, back } = await echoed(datatype, shape, version);
      expect(output, `${datatype} [${shape}]`).toMatchObject({ name: 'y', datatype, shape });
      expect(back.toString('hex'), `${datatype} [${shape}]`).toBe(Buffer.from(data).toString('hex'));
    }
  });
});

test('one value stands for a whole tensor', async () => {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }];
  const { json } = await postJson('/v2/models/constant/infer', { inputs });
  expect(json.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [2, 3], data: Array(6).fill(7.5) }]);
});

test('an image takes as many bytes as TensorFlow itself would send, at most 602,200', async () => {
  const shape = [1, 224, 224, 3];
  const inputs = [{ name: 'x', datatype: 'FP32', shape, data: Array(150_528).fill(0.5) }];
  const { json } = await postJson('/v2/models/size/infer', { inputs });
  const [received, own] = json.outputs[0].data;
  expect(received).toBe(own);
  expect(received).toBeLessThanOrEqual(602_200);
});

describe('a model of TensorFlow', () => {
  test.each([
    { path: ':predict', body: { instances: [1, 2, 5] }, answer: { predictions: [2.5, 3, 4.5] } },
    { path: '/versions/2:predict', body: { inputs: [1, 2, 5] }, answer: { outputs: [2.5, 3, 4.5] } },
    { path: '/labels/stable:predict', body: { instances: [{ x: 1 }] }, answer: { predictions: [2.5] } },
    { path: ':predict', body: { signature_name: 'serving_default', inputs: { x: [1] } }, answer: { outputs: [2.5] } },
  ])('answers $body at $path', async ({ path, body, answer }) => {
    expect(await postJson(`/v1/models/half_plus_two${path}`, body)).toEqual({ status: 200, json: answer });
  });

  test.each([
    {
      what: 'a model that is not there',
      model: 'nope',
      status: 404,
      says: 'Servable not found for request: Latest(nope)',
    },
    {
      what: 'a version that is not there',
      model: 'echo/versions/9',
      status: 404,
      says: 'Servable not found for request: Specific(echo, 9)',
    },
    {
      what: 'an input that is not there',
      model: 'half_plus_two',
      status: 400,
      says: 'input size does not match signature: 1!=1|',
    },
  ])('is asked for $what: $status, in its own words', async ({ model, status, says }) => {
    const inputs = [{ name: 'z', datatype: 'FP32', shape: [1], data: [1] }];
    const answer = await postJson(`/v2/models/${model}/infer`, { inputs });
    expect([answer.status, answer.json.error]).toEqual([status, expect.stringMatching(escaped(says))]);
  });

  test('is asked for a signature that is not there: 400, in its own words', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }];
    const answer = await postJson('/v2/models/echo/infer', { inputs, parameters: { signature_name: 'nope' } });
    expect(answer).toEqual({ status: 400, json: { error: 'Serving signature key "nope" not found.' } });
  });

  test('says what it takes and gives, by the signatures of its SavedModel', async () => {
    expect((await seen('/v2/models/half_plus_two')).json).toMatchObject({
      versions: ['1'],
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
    });
    const { json } = await seen('/v1/models/echo/metadata');
    const { signature_def: known } = (json.metadata as { signature_def: Record<string, object> })
      .signature_def as unknown as {
      signature_def: Record<string, { inputs: { x: { dtype: string } } }>;
    };
    expect(known.echo_complex64?.inputs.x.dtype).toBe('DT_COMPLEX64');
    expect(known.echo_string?.inputs.x.dtype).toBe('DT_STRING');
  });

  test('is ready when a version of it is available', async () => {
    const { status, json } = await seen('/v1/models/echo');
    expect([status, json.ready, json.model_version_status]).toMatchObject([
      200,
      true,
      [{ version: '1', state: 'AVAILABLE' }],
    ]);
    expect((await get('/v1/models/nope')).status).toBe(503);
  });
});

const escaped = (text: string): RegExp => new RegExp(text.replace(/[().!=]/g, '\\$&'));

describe("TensorFlow's own client", () => {
  const ARRAYS = Object.values(TYPES).filter((name) => name !== 'bfloat16'); // numpy has none of its own
  const all = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true]));

  test('before TensorFlow Serving gets all that it would get without the gateway', async () => {
    const [through, direct] = await Promise.all([
      askAsTfs('serving', gateway.grpcPort as number),
      askAsTfs('serving', tfs.grpcPort),
    ]);
    expect(JSON.parse(through)).toEqual({
      ...all([...ARRAYS, 'complex']),
      unknown: 'NOT_FOUND: Servable not found for request: Latest(nope)',
      signature: 'INVALID_ARGUMENT: Serving signature key "nope" not found.',
      classify: [['cat', 0.5]],
      status: [[1, 30, '']],
      metadata: { x: ['float32', [-1]], y: ['float32', [-1]] },
    });
    expect(JSON.parse(through)).toEqual(JSON.parse(direct));
  });

  describe('before a Triton', () => {
    const triton = withTriton([
      ...['bool', 'bytes', 'fp16', 'fp32', 'fp64', 'int8', 'int16', 'int32', 'int64'].map((name) => `echo_${name}`),
      ...['uint8', 'uint16', 'uint32', 'uint64'].map((name) => `echo_${name}`),
    ]);

    test('gets tensors of every type there and back, and words it understands', async () => {
      const told = await askAsTfs('triton', triton.gateway.grpcPort as number);
      expect(JSON.parse(told)).toEqual({
        ...all([...ARRAYS, 'empty', 'one value']),
        unknown: expect.stringMatching(/^NOT_FOUND: .*nope/),
        misnamed: expect.stringMatching(/^INVALID_ARGUMENT: .*x/),
        complex: expect.stringMatching(/^UNIMPLEMENTED: tensor "IN" is DT_COMPLEX128/),
        classify: expect.stringMatching(/^UNIMPLEMENTED: /),
        status: [[1, 30, '']],
        metadata: { IN: ['float32', [-1, -1]], OUT: ['float32', [-1, -1]] },
      });
    });
  });
});
