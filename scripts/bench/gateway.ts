/**
 * What the gateway itself costs: an FP32 image tensor through it and back as bytes, on a real Triton, beside a Node HTTP
 * server that only gives the same body back. CPU per request is the number that holds on a shared machine.
 */
import { startTriton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { besideKserve } from './gateway-kserve.ts';
import { streams } from './gateway-stream.ts';
import { type Load, load, loadCount, rssOf } from './load.ts';
import { type Server, started, startGateway } from './node-process.ts';

const CLIENTS = 8;
const FOR_MS = 3_000;
const ROUNDS = 3;
const MANY = 10_000;

export async function run(): Promise<Figure[]> {
  const triton = await startTriton({ models: ['identity', 'gen'] });
  const servers: Server[] = [];
  try {
    const echo = await started(['scripts/bench/gateway-echo.ts'], /^(\d+)$/, 'stdout');
    servers.push(echo);
    const gateway = await startGateway(triton, '--max_concurrent_requests=1000');
    servers.push(gateway);
    return [
      ...(await passThrough(echo, gateway, 'image tensor', [1, 224, 224, 3])),
      ...(await passThrough(echo, gateway, '1 KB feature', [1, 1, 1, 256])),
      await memory(gateway),
      ...(await besideKserve(triton, gateway)),
      ...(await streams(triton, gateway)),
    ];
  } finally {
    await Promise.all(servers.map((each) => each.stop()));
    await triton.kill();
  }
}

async function passThrough(echo: Server, gateway: Server, name: string, shape: readonly number[]): Promise<Figure[]> {
  const { body, headers } = binaryRequest(shape);
  const common = { headers, body, clients: CLIENTS, forMs: FOR_MS };
  const rounds: { readonly echo: Load; readonly gateway: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      echo: await load({ ...common, ...echo, path: '/' }),
      gateway: await load({ ...common, ...gateway, path: '/v2/models/identity/infer' }),
    });
  }
  const compare = (what: string, unit: string, of: (load: Load) => number, decimals: number) =>
    figure(
      {
        bench: 'gateway',
        figure: `${name}, binary → gRPC → binary, ${what}, median of ${ROUNDS}`,
        value: quantile(
          rounds.map((each) => of(each.gateway)),
          0.5,
        ),
        unit,
        peer: 'Node HTTP echo',
        peerValue: quantile(
          rounds.map((each) => of(each.echo)),
          0.5,
        ),
      },
      decimals,
    );
  return [
    compare('CPU per request', 'ms', ({ cpuMs }) => cpuMs, 3),
    compare('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5), 2),
    compare('p99', 'ms', ({ latencies }) => quantile(latencies, 0.99), 2),
    compare('requests per second', '/s', ({ perSecond }) => perSecond, 0),
  ];
}

/** Resident memory moves with each collection of garbage, so its highest of one half stands beside that of the other. */
async function memory(gateway: Server): Promise<Figure> {
  const { body, headers } = binaryRequest([1, 224, 224, 3]);
  const options = { ...gateway, path: '/v2/models/identity/infer', headers, body, clients: CLIENTS };
  const seen: number[] = [];
  for (let done = 0; done < MANY; done += 500) {
    await loadCount(options, 500);
    seen.push(rssOf(gateway.pid));
  }
  const half = seen.length / 2;
  return figure(
    {
      bench: 'gateway',
      figure: `highest RSS in ${MANY} requests of 602 KB, second half`,
      value: Math.max(...seen.slice(half)),
      unit: 'MiB',
      peer: 'first half',
      peerValue: Math.max(...seen.slice(0, half)),
    },
    0,
  );
}

/** What the binary tensor data extension sends; the echo gets the same bytes. */
export function binaryRequest(shape: readonly number[]): { body: Uint8Array; headers: Record<string, string> } {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
  const data = new Uint8Array(values.buffer);
  const input = { name: 'IN', datatype: 'FP32', shape, parameters: { binary_data_size: data.length } };
  const json = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  return {
    body: Buffer.concat([json, data]),
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(json.length) },
  };
}
