/**
 * The servers that people have, behind the gateway, by each protocol that they speak: what goes in comes out, and they mean
 * the same by yes and no. Where one cannot, the table says so.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKserve } from '../../scripts/kserve.ts';
import { startMlServer } from '../../scripts/mlserver.ts';
import type { Running } from '../../scripts/servers.ts';
import { startTriton } from '../../scripts/triton.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { eventsOf, gatewayTo, post } from './triton.ts';

type Protocol = 'grpc-v2' | 'v2' | 'v1';
interface Server extends Running {
  readonly httpPort: number;
  readonly grpcPort: number;
}

const peers = join(import.meta.dirname, 'peers');
const ECHOES = ['echo_fp32', 'echo_int64', 'echo_bytes'];
const TEXT = { name: 'text_input', datatype: 'BYTES', shape: [1] };
const WORDS = [
  { name: 'text_output', datatype: 'BYTES', shape: [1] },
  { name: 'index', datatype: 'INT32', shape: [1] },
];

const START: Readonly<Record<string, () => Promise<Server>>> = {
  triton: () => startTriton({ models: [...ECHOES, 'fail', 'gen'] }),
  mlserver: () =>
    startMlServer(join(peers, 'mlserver_models.py'), {
      ...Object.fromEntries(ECHOES.map((name) => [name, { type: 'Echo' }])),
      fail: { type: 'Fail' },
      gen: { type: 'Gen', inputs: [TEXT], outputs: WORDS },
      gen_undeclared: { type: 'Gen' },
    }),
  kserve: () => startKserve(join(peers, 'kserve_server.py')),
};

/** What one server does by one protocol that the others do not. */
interface Spoken {
  readonly server: string;
  readonly protocol: Protocol;
  /** The status when a model refuses its input. @default 400 */
  readonly refused?: number;
  /** The words when a model raises; KServe keeps them to itself over gRPC. @default the model's */
  readonly raised?: RegExp;
  /** Values go as JSON one way at least, so NaN and the infinities arrive as NaN. */
  readonly json?: true;
  /** No datatypes: FP32 comes back as FP64, and outputs have no names. */
  readonly bare?: true;
  /** Models with streams. */
  readonly streams?: readonly string[];
  /** An error within a stream; MLServer's HTTP cuts the connection instead. @default the model's words */
  readonly broken?: RegExp;
}

const SPOKEN: readonly Spoken[] = [
  // Its model has one way to fail, and that is a failure of the server.
  { server: 'triton', protocol: 'grpc-v2', refused: 500, streams: ['gen'] },
  { server: 'triton', protocol: 'v2', refused: 500, streams: ['gen'] },
  { server: 'mlserver', protocol: 'grpc-v2', streams: ['gen', 'gen_undeclared'] },
  {
    server: 'mlserver',
    protocol: 'v2',
    refused: 422,
    json: true,
    streams: ['gen', 'gen_undeclared'],
    broken: /broke off|closed|cut/,
  },
  { server: 'kserve', protocol: 'grpc-v2', raised: /Internal server error/ },
  { server: 'kserve', protocol: 'v2', json: true },
  { server: 'kserve', protocol: 'v1', json: true, bare: true },
];

const input = (datatype: string, data: readonly unknown[], over: object = {}) => ({
  name: 'IN',
  datatype,
  shape: [1, data.length],
  data,
  ...over,
});
const infer = (model: string) => `/v2/models/${model}/infer`;
const float32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

describe.each(['triton', 'mlserver', 'kserve'])('before %s', (name) => {
  let server: Server;
  const gateways = new Map<Protocol, Gateway>();
  const spoken = SPOKEN.filter((each) => each.server === name);
  beforeAll(async () => {
    server = await START[name]!();
    for (const { protocol } of spoken) {
      const port = protocol === 'grpc-v2' ? server.grpcPort : server.httpPort;
      gateways.set(protocol, await gatewayTo(port, `--predictor_protocol=${protocol}`));
    }
  }, 600_000);
  afterAll(async () => {
    for (const gateway of gateways.values()) await gateway.close();
    await server?.kill();
  });

  describe.each(spoken)('by $protocol', ({ protocol, refused = 400, raised, json, bare, streams, broken }) => {
    const portOf = () => gateways.get(protocol)!.port;
    const ask = (path: string, body: unknown) =>
      post(portOf(), path, typeof body === 'string' ? body : JSON.stringify(body));
    const look = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${portOf()}${path}`);
      return { status: response.status, json: (await response.json()) as Record<string, unknown> };
    };

    test.each([
      {
        datatype: 'FP32',
        model: 'echo_fp32',
        data: '[1,-2.5,3e+38]',
        guessed: 'FP64',
        wide: '[1,-2.5,3.0000000054977558e+38]',
      },
      { datatype: 'INT64', model: 'echo_int64', data: '[9007199254740993,-9223372036854775808]', guessed: 'INT64' },
      { datatype: 'BYTES', model: 'echo_bytes', data: '["ä\\"\\\\","","€"]', guessed: 'BYTES' },
    ])('$datatype comes back as it was', async ({ datatype, model, data, guessed, wide = data }) => {
      const size = JSON.parse(data).length;
      const tensor = `{"name":"IN","datatype":"${datatype}","shape":[1,${size}],"data":${data}}`;
      const { status, text } = await ask(infer(model), `{"id":"7","inputs":[${tensor}]}`);
      expect([status, text]).toEqual([200, expect.stringContaining(`"id":"7"`)]);
      const [output] = JSON.parse(text).outputs;
      const want = bare ? { name: 'output-0', datatype: guessed } : { name: 'OUT', datatype };
      expect(output).toEqual({ ...want, shape: [1, size], data: expect.any(Array) });
      expect(text).toContain(`"data":${bare ? wide : data}`); // digits that JSON.parse would round
    });

    test('as bytes in both directions', async () => {
      const raw = float32(1, -2.5, 0.1);
      const [answer, tail] = await binary(raw);
      expect(answer).toBe(200);
      expect(tail).toEqual(
        bare ? Buffer.from(Float64Array.of(...new Float32Array(Uint8Array.from(raw).buffer)).buffer) : raw,
      );
    });

    // V1 has neither, and KServe's server gives such values back as null, which is no number.
    if (!bare) {
      test('NaN and the infinities', async () => {
        const [answer, tail] = await binary(float32(Number.NaN, Number.POSITIVE_INFINITY, -1));
        const infinity = json ? Number.NaN : Number.POSITIVE_INFINITY;
        expect([answer, tail]).toEqual([200, float32(Number.NaN, infinity, -1)]);
      });
    }

    async function binary(raw: Buffer): Promise<[number, Buffer]> {
      const tensor = {
        name: 'IN',
        datatype: 'FP32',
        shape: [1, raw.length / 4],
        parameters: { binary_data_size: raw.length },
      };
      const head = Buffer.from(JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } }));
      const headers = { 'inference-header-content-length': String(head.length) };
      const answer = await post(portOf(), infer('echo_fp32'), Buffer.concat([head, raw]), headers);
      const at = Number(answer.headers.get('inference-header-content-length') ?? 0);
      return [answer.status, at === 0 ? Buffer.from(answer.text) : answer.bytes.subarray(at)];
    }

    test('V1 rows', async () => {
      const { status, text } = await ask('/v1/models/echo_fp32:predict', { instances: [[1, 2.5]] });
      expect([status, JSON.parse(text)]).toEqual([200, { predictions: [[1, 2.5]] }]);
    });

    test('a model and the server are ready, and say what they are', async () => {
      expect((await look('/v2/health/ready')).status).toBe(200);
      expect(await look('/v2/models/echo_fp32/ready')).toEqual({
        status: 200,
        json: { name: 'echo_fp32', ready: true },
      });
      expect(await look('/v2/models/echo_fp32')).toMatchObject({ status: 200, json: { name: 'echo_fp32' } });
    });

    test('a model that is not there is 404 to requests, and not ready', async () => {
      expect((await ask(infer('nope'), { inputs: [input('FP32', [1])] })).status).toBe(404);
      expect((await look('/v2/models/nope')).status).toBe(404);
      expect(await look('/v2/models/nope/ready')).toMatchObject({ status: 503, json: { ready: false } });
    });

    test.each([
      { how: 1, what: 'raises', words: raised ?? /the model raised/, status: 500 },
      { how: 0, what: 'says no', words: /the model said no/, status: refused },
    ])('a model that $what is $status with its words', async ({ how, words, status }) => {
      const answer = await ask(infer('fail'), { inputs: [input('INT32', [how], { shape: [1] })] });
      expect([answer.status, JSON.parse(answer.text).error]).toEqual([status, expect.stringMatching(words)]);
    });

    if (streams) {
      test.each(streams)('a stream of %s comes word by word, and ends', async (model) => {
        const answer = await ask(`/v2/models/${model}/generate_stream`, { text_input: 'a b c' });
        const got = eventsOf(answer.text).map(({ text_output, index }) => [text_output, index]);
        expect([answer.status, got]).toEqual([200, [['a', 0], ['b', 1], ['c', 2]]]); // biome-ignore format: a list of pairs
      });

      test('a stream that fails within says so as its last event', async () => {
        const body = name === 'triton' ? { text_input: 'a b', fail_at: 1 } : { text_input: 'a fail' };
        const answer = await ask('/v2/models/gen/generate_stream', body);
        expect(eventsOf(answer.text)).toEqual([
          expect.objectContaining({ text_output: 'a' }),
          { error: expect.stringMatching(broken ?? /the model failed at 1/) },
        ]);
      });
    } else {
      test('there are no streams: 501', async () => {
        const answer = await ask('/v2/models/echo_bytes/generate_stream', { text_input: 'a' });
        expect([answer.status, answer.text]).toEqual([501, expect.stringMatching(/stream/)]);
      });
    }
  });
});
