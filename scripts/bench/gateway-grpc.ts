/**
 * gRPC in, gRPC out: FP32 tensors as raw bytes through the gateway and back on a real Triton, beside KServe's Python transformer that
 * changes nothing, and beside grpc-js that only gives the message back. CPU per request is the number that holds on a shared machine.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { encodeInfer } from '../../src/gateway/upstream/oip/messages.ts';
import { GrpcConnection } from '../../src/wire/grpc-connection.ts';
import { freePorts, root } from '../group.ts';
import { startKserve } from '../kserve.ts';
import { startTriton, type Triton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { type Load, loadBy } from './load.ts';
import { type Server, started, startGateway } from './node-process.ts';

const CLIENTS = 8;
const FOR_MS = 4_000;
const ROUNDS = 3;
const SHAPES = { 'image tensor': [1, 224, 224, 3], '1 KB feature': [1, 1, 1, 256] } as const;
const IMAGE_BYTES = 602_112;
const PATH = '/inference.GRPCInferenceService/ModelInfer';

export async function run(): Promise<Figure[]> {
  const triton = await startTriton({ models: ['identity'] });
  const servers: Server[] = [];
  const start = async (starting: Promise<Server>) => {
    const server = await starting;
    servers.push(server);
    return server;
  };
  try {
    const [port] = await freePorts(1);
    const gateway = await start(startGateway(triton, `--http_port=${port}`, `--grpc_port=${port}`));
    const peers = {
      'KServe 0.21 Python': await start(kserveTransformer(triton)),
      'grpc-js echo': await start(started(['scripts/bench/gateway-grpc-echo.ts'], /^(\d+)$/, 'stdout')),
    };
    const figures: Figure[] = [];
    for (const [name, shape] of Object.entries(SHAPES))
      for (const [peer, server] of Object.entries(peers))
        figures.push(...(await compare({ gateway, server, peer, name, shape })));
    const echo = await start(started(['scripts/bench/gateway-tcp-echo.ts', String(IMAGE_BYTES)], /^(\d+)$/, 'stdout'));
    return [...figures, await besideSockets(gateway, echo)];
  } finally {
    await Promise.all(servers.map((each) => each.stop()));
    await triton.kill();
  }
}

interface Pair {
  readonly gateway: Server;
  readonly server: Server;
  readonly peer: string;
  readonly name: string;
  readonly shape: readonly number[];
}

async function compare({ gateway, server, peer, name, shape }: Pair): Promise<Figure[]> {
  const rounds: { readonly theirs: Load; readonly ours: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({ theirs: await rawLoad(server, shape), ours: await rawLoad(gateway, shape) });
  const median = (of: (round: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
  const one = (what: string, unit: string, of: (load: Load) => number, decimals: number) =>
    figure(
      {
        bench: 'gateway-grpc',
        figure: `${name}, gRPC raw → gRPC raw, ${what}, median of ${ROUNDS}`,
        value: median(({ ours }) => of(ours)),
        unit,
        peer,
        peerValue: median(({ theirs }) => of(theirs)),
      },
      decimals,
    );
  return [
    one('CPU per request', 'ms', ({ cpuMs }) => cpuMs, 3),
    one('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5), 2),
    one('p99', 'ms', ({ latencies }) => quantile(latencies, 0.99), 2),
    one('requests per second', '/s', ({ perSecond }) => perSecond, 0),
  ];
}

/** Its bytes cross a socket four times: two echoes of them are what is left when there is no protocol at all. */
async function besideSockets(gateway: Server, echo: Server): Promise<Figure> {
  const rounds: { readonly ours: Load; readonly echoes: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({ echoes: await echoLoad(echo), ours: await rawLoad(gateway, SHAPES['image tensor']) });
  const median = (of: (round: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
  const what = `image tensor, gRPC raw → gRPC raw, CPU per request, median of ${ROUNDS}`;
  const [value, peerValue] = [median(({ ours }) => ours.cpuMs), median(({ echoes }) => 2 * echoes.cpuMs)];
  return figure({ bench: 'gateway-grpc', figure: what, value, unit: 'ms', peer: 'two bare TCP echoes', peerValue }, 3);
}

async function echoLoad({ port, pid }: Server): Promise<Load> {
  const body = Buffer.alloc(IMAGE_BYTES, 1);
  const sockets = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1'));
  const ask = async (client: number) => {
    const [from, socket] = [performance.now(), sockets[client]];
    let got = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const take = (part: Buffer) => {
      got += part.length;
      if (got === IMAGE_BYTES) resolve();
    };
    socket?.on('data', take).write(body);
    await promise;
    socket?.off('data', take);
    return performance.now() - from;
  };
  try {
    return await loadBy(ask, { clients: CLIENTS, forMs: FOR_MS, pid });
  } finally {
    for (const each of sockets) each.destroy();
  }
}

/** One connection a client, as that many pods would have. */
async function rawLoad({ port, pid }: Server, shape: readonly number[]): Promise<Load> {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
  const data = new Uint8Array(values.buffer);
  const inputs = [{ name: 'IN', datatype: 'FP32', shape, data }] as const;
  const request = Buffer.concat(
    encodeInfer({ model: 'identity', version: '', id: 'bench', parameters: {}, inputs, outputs: [] }),
  );
  const connections = Array.from({ length: CLIENTS }, () => new GrpcConnection({ host: '127.0.0.1', port }));
  const ask = async (client: number) => {
    const from = performance.now();
    const reply = await connections[client]?.call({ path: PATH, request, deadlineMs: 60_000 });
    if (reply?.status !== 0 || reply.body.length < data.length) throw new Error(`${reply?.status} ${reply?.message}`);
    return performance.now() - from;
  };
  try {
    return await loadBy(ask, { clients: CLIENTS, forMs: FOR_MS, pid });
  } finally {
    for (const each of connections) each.close();
  }
}

async function kserveTransformer({ grpcPort: to }: Triton): Promise<Server> {
  const { grpcPort, pid, kill } = await startKserve(
    join(root, 'scripts/bench/kserve_transformer.py'),
    '--model_name=identity',
    `--predictor_host=127.0.0.1:${to}`,
    '--predictor_protocol=grpc-v2',
  );
  return { port: grpcPort, pid, stop: kill };
}
