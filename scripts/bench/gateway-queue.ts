/**
 * What it costs to have a request done through the queue: submitted, kept in Redis, done, kept, fetched; beside the call that
 * waits. The same gateway, the same model, the same clients.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../group.ts';
import { startTriton } from '../triton.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { binaryRequest } from './gateway.ts';
import { type Load, load } from './load.ts';
import { startGateway } from './node-process.ts';

const CLIENTS = 16;
const FOR_MS = 4_000;
const ROUNDS = 3;
const INFER = '/v2/models/identity/infer';

export async function run(): Promise<Figure[]> {
  const triton = await startTriton({ models: ['identity'] });
  const redis = await startRedis();
  try {
    const gateway = await startGateway(triton, `--queue_redis=${redis.url}`, `--queue_concurrency=${CLIENTS}`);
    try {
      return await compare(gateway, '1 KB feature', [1, 1, 1, 256]);
    } finally {
      await gateway.stop();
    }
  } finally {
    await redis.stop();
    await triton.kill();
  }
}

async function compare(
  gateway: { readonly port: number; readonly pid: number },
  name: string,
  shape: readonly number[],
): Promise<Figure[]> {
  const { body, headers } = binaryRequest(shape);
  const how = { ...gateway, body, path: INFER, clients: CLIENTS, forMs: FOR_MS };
  // Answered when it is done, so that one exchange is the whole way of a job.
  const prefer = 'respond-async, wait=60';
  const rounds: { readonly job: Load; readonly call: Load }[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({
      job: await load({ ...how, headers: { ...headers, prefer } }),
      call: await load({ ...how, headers }),
    });
  const middle = (of: (round: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
  const beside = (what: string, unit: string, of: (load: Load) => number, decimals: number) =>
    figure(
      {
        bench: 'gateway-queue',
        figure: `${name} through the queue, ${what}, median of ${ROUNDS}`,
        value: middle(({ job }) => of(job)),
        unit,
        peer: 'the call that waits',
        peerValue: middle(({ call }) => of(call)),
      },
      decimals,
    );
  return [
    beside('CPU of the gateway per job', 'ms', ({ cpuMs }) => cpuMs, 3),
    beside('jobs per second', '/s', ({ perSecond }) => perSecond, 0),
    beside('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5), 1),
    beside('p99', 'ms', ({ latencies }) => quantile(latencies, 0.99), 1),
  ];
}

/** One that is told everything on disk once a second, as most are. */
async function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const [port = 0] = await freePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'redis-'));
  const argv = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes'];
  const child = spawn('redis-server', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
      if (said.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(said)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
    rmSync(dir, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}
