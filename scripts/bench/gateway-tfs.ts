/**
 * `npm run bench -- gateway-tfs`: what a 602 KB tensor costs in the gateway when it comes back from TensorFlow Serving as
 * tensor_content, and as the typed lists that it sends by default; and by JSON. Its wire is TensorFlow's own (scripts/tfs.ts).
 */
import { startTfs } from '../tfs.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { load } from './load.ts';
import { type Server, startGateway } from './node-process.ts';

const ROUNDS = 3;
const SHAPE = [1, 224, 224, 3];
/** Of the oracle's `echo`: how each answers. */
const VERSIONS = { tensor_content: '1', float_val: '2' } as const;

export async function run(): Promise<Figure[]> {
  const tfs = await startTfs();
  const gateway = await startGateway(tfs, '--predictor_protocol=grpc-tfs');
  try {
    const content = await cpuOf(gateway, VERSIONS.tensor_content, binary());
    const lists = await cpuOf(gateway, VERSIONS.float_val, binary());
    const json = await cpuOf(gateway, VERSIONS.tensor_content, asJson());
    return [
      of('bytes → tensor_content → bytes', content, 'float_val', lists),
      of('bytes → tensor_content → bytes', content, 'JSON in and out', json),
    ];
  } finally {
    await gateway.stop();
    await tfs.kill();
  }
}

const of = (what: string, value: number, peer: string, peerValue: number): Figure =>
  figure({
    bench: 'gateway-tfs',
    figure: `${what}, CPU per request, median of ${ROUNDS}`,
    value,
    unit: 'ms',
    peer,
    peerValue,
  });

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Milliseconds of the gateway's process. */
async function cpuOf({ port, pid }: Server, version: string, given: Body): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const path = `/v2/models/echo/versions/${version}/infer`;
    const { cpuMs } = await load({ ...given, port, pid, path, clients: 4, forMs: 5_000 });
    rounds.push(cpuMs);
  }
  return quantile(rounds, 0.5);
}

const values = (): Float32Array =>
  Float32Array.from({ length: SHAPE.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));

function binary(): Body {
  const data = new Uint8Array(values().buffer);
  const tensor = { name: 'x', datatype: 'FP32', shape: SHAPE, parameters: { binary_data_size: data.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } }));
  const headers = { 'inference-header-content-length': String(head.length) };
  return { headers, body: Buffer.concat([head, data]) };
}

function asJson(): Body {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: SHAPE, data: Array.from(values()) }];
  return { headers: {}, body: Buffer.from(JSON.stringify({ inputs })) };
}
