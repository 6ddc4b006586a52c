/** `--predictor_protocol v2` before a real Triton's HTTP port: what it says over gRPC, it says over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type Answer, eventsOf, gatewayTo, post, withTriton } from './triton.ts';

const both = withTriton(['identity', 'echo_fp16', 'echo_int64', 'echo_bytes', 'classify', 'fail', 'gen']);
let rest: Gateway;
beforeAll(async () => {
  rest = await gatewayTo(both.triton.httpPort, '--predictor_protocol=v2');
});
afterAll(() => rest?.close());

interface Pair {
  readonly grpc: Answer;
  readonly http: Answer;
}

async function askBoth(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Pair> {
  const [grpc, http] = await Promise.all([
    post(both.gateway.port, path, body, headers),
    post(rest.port, path, body, headers),
  ]);
  return { grpc, http };
}

const infer = (model: string) => `/v2/models/${model}/infer`;
const input = (datatype: string, data: readonly unknown[], over: object = {}) => ({
  name: 'IN',
  datatype,
  shape: [1, data.length],
  data,
  ...over,
});

describe('the same answer as over gRPC', () => {
  test.each([
    { what: 'FP32 of four axes', model: 'identity', tensor: input('FP32', [1, -2.5, 3e38], { shape: [1, 1, 1, 3] }) },
    { what: 'an empty tensor', model: 'identity', tensor: input('FP32', [], { shape: [1, 0, 1, 3] }) },
    { what: 'FP16, which Triton takes as bytes only', model: 'echo_fp16', tensor: input('FP16', [1.5, 65504]) },
    { what: 'INT64', model: 'echo_int64', tensor: input('INT64', [1, -(2 ** 40)]) },
    { what: 'BYTES', model: 'echo_bytes', tensor: input('BYTES', ['ä"\\', '']) },
    { what: 'several outputs', model: 'classify', tensor: input('FP32', [1, 2, 3, 4], { name: 'features' }) },
  ])('$what', async ({ model, tensor }) => {
    const { grpc, http } = await askBoth(infer(model), JSON.stringify({ id: '7', inputs: [tensor] }));
    expect([grpc.status, http.status, http.text]).toEqual([200, 200, grpc.text]);
  });

  test('bytes in and out, NaN and Infinity too', async () => {
    const raw = new Uint8Array(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -0).buffer);
    const tensor = { name: 'IN', datatype: 'FP32', shape: [1, 1, 1, 3], parameters: { binary_data_size: raw.length } };
    const head = Buffer.from(JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } }));
    const headers = { 'inference-header-content-length': String(head.length) };
    const { grpc, http } = await askBoth(infer('identity'), Buffer.concat([head, raw]), headers);
    expect([grpc.status, http.status]).toEqual([200, 200]);
    expect(http.bytes).toEqual(grpc.bytes);
    expect(http.bytes.subarray(-raw.length)).toEqual(Buffer.from(raw));
  });

  test('V1, whose datatypes the metadata tells', async () => {
    const { grpc, http } = await askBoth('/v1/models/classify:predict', '{"instances": [[1, 2, 3, 4]]}');
    expect([grpc.status, http.status, http.text]).toEqual([200, 200, grpc.text]);
  });

  test.each([
    { what: 'some tokens', body: { text_input: 'a b c', max_tokens: 5 } },
    { what: 'an id', body: { id: 'g1', text_input: 'a b' } },
    { what: 'an error after two tokens', body: { text_input: 'a b c d', fail_at: 2 } },
  ])('a stream of $what', async ({ body }) => {
    const { grpc, http } = await askBoth('/v2/models/gen/generate_stream', JSON.stringify(body));
    expect([http.status, eventsOf(http.text)]).toEqual([grpc.status, eventsOf(grpc.text)]);
  });
});

describe('the same verdict as over gRPC', () => {
  test.each([
    { what: 'an unknown model', path: infer('nope'), body: { inputs: [input('FP32', [1])] }, status: 404 },
    { what: 'a wrong datatype', path: infer('identity'), body: { inputs: [input('INT32', [1])] }, status: 400 },
    { what: 'a wrong rank', path: infer('identity'), body: { inputs: [input('FP32', [1])] }, status: 400 },
    {
      what: 'an unknown output',
      path: infer('echo_int64'),
      body: { inputs: [input('INT64', [1])], outputs: [{ name: 'NOPE' }] },
      status: 400,
    },
    {
      what: 'a model that raises',
      path: infer('fail'),
      body: { inputs: [input('INT32', [1], { shape: [1] })] },
      status: 500,
    },
  ])('$what is $status', async ({ path, body, status }) => {
    const { grpc, http } = await askBoth(path, JSON.stringify(body));
    expect([grpc.status, http.status]).toEqual([status, status]);
    expect(JSON.parse(http.text).error).toEqual(expect.any(String));
  });

  test.each(['/v2/models/classify', '/v2/models/nope', '/v2/models/classify/ready', '/v2/models/nope/ready', '/v2'])(
    'GET %s',
    async (path) => {
      const [grpc, http] = await Promise.all(
        [both.gateway.port, rest.port].map((port) => fetch(`http://127.0.0.1:${port}${path}`)),
      );
      expect(http?.status).toBe(grpc?.status);
      if (grpc?.status === 200) expect(await http?.json()).toEqual(await grpc.json());
    },
  );
});
