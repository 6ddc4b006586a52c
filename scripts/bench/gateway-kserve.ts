/** The same JSON through KServe's Python transformer and through muster, both over gRPC to one Triton. */
import { join } from 'node:path';
import { root } from '../group.ts';
import { startKserve } from '../kserve.ts';
import type { Triton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { type Load, load } from './load.ts';
import type { Server } from './node-process.ts';

const ROUNDS = 3;
const SHAPES = { 'image tensor': [1, 224, 224, 3], '1 KB feature': [1, 1, 1, 256] } as const;

export async function besideKserve(triton: Triton, gateway: Server): Promise<Figure[]> {
  const kserve = await startTransformer(triton);
  try {
    const figures: Figure[] = [];
    for (const [name, shape] of Object.entries(SHAPES))
      figures.push(...(await jsonThrough(kserve, gateway, name, shape)));
    return figures;
  } finally {
    await kserve.stop();
  }
}

async function jsonThrough(kserve: Server, gateway: Server, name: string, shape: readonly number[]): Promise<Figure[]> {
  const data = Array.from(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)));
  const body = Buffer.from(JSON.stringify({ inputs: [{ name: 'IN', datatype: 'FP32', shape, data }] }));
  const headers = { 'content-type': 'application/json' };
  const common = { path: '/v2/models/identity/infer', body, headers, clients: 8, forMs: 5_000 };
  const rounds: { readonly theirs: Load; readonly ours: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({ theirs: await load({ ...common, ...kserve }), ours: await load({ ...common, ...gateway }) });
  const compare = (what: string, unit: string, of: (load: Load) => number) =>
    figure({
      bench: 'gateway',
      figure: `${name}, JSON → gRPC → JSON, ${what}, median of ${ROUNDS}`,
      value: quantile(
        rounds.map((each) => of(each.ours)),
        0.5,
      ),
      unit,
      peer: 'KServe 0.21 Python',
      peerValue: quantile(
        rounds.map((each) => of(each.theirs)),
        0.5,
      ),
    });
  return [
    compare('CPU per request', 'ms', ({ cpuMs }) => cpuMs),
    compare('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5)),
    compare('requests per second', '/s', ({ perSecond }) => perSecond),
  ];
}

async function startTransformer({ grpcPort }: Triton): Promise<Server> {
  const { httpPort, pid, kill } = await startKserve(
    join(root, 'scripts/bench/kserve_transformer.py'),
    '--model_name=identity',
    `--predictor_host=127.0.0.1:${grpcPort}`,
    '--predictor_protocol=grpc-v2',
    '--enable_grpc=false',
  );
  return { port: httpPort, pid, stop: kill };
}
