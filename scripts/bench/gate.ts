/**
 * What asking Ray's GCS costs: one question in a running process, a fresh probe process, and "nobody is there".
 *
 * Beside grpc-js, bare Node, and the Python that KServe's health_check.py runs. Needs .venv with ray; starts one head
 * on a free port and ends it. `--slow` also measures `ray health-check` against a dead port (41 s each).
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { EXIT } from '../../src/errors.ts';
import { awaitGate } from '../../src/launch/start/ray/await-gate.ts';
import { rayEnv, rayStartHead } from '../../src/launch/start/ray/command.ts';
import { openGcs } from '../../src/launch/start/ray/gcs.ts';
import { textLog } from '../../src/log.ts';
import { start } from '../../src/process/spawn.ts';
import { MUSTER } from '../group.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { alternate, type Cost, cost } from './fresh-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, '.venv/bin');
const ROUNDS = 11;
const HOT_CALLS = 1_000;
const NODE_NAME = 'bench-head';
const probe = (address: string) => [...MUSTER, 'probe', 'live', '--ray', address, '--timeout', '2'];

/** @returns the figures; throws when .venv has no ray or its head does not come up within a minute */
export async function run({ slow = process.argv.includes('--slow') } = {}): Promise<Figure[]> {
  if (!existsSync(join(BIN, 'ray')))
    throw new Error(`no ray in ${BIN}: python3 -m venv .venv && .venv/bin/pip install ray`);
  const dir = mkdtempSync(join(tmpdir(), 'mb-'));
  const { port, stop } = await startHead(dir);
  try {
    return [...(await hot(port)), ...(await fresh(port)), ...(await nobody(slow))];
  } finally {
    await stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startHead(dir: string): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const port = await freePort();
  const options = { cpus: 1, gpus: 1, objectStoreBytes: 100_000_000, tempDir: join(dir, 'r') };
  const argv = rayStartHead({ ray: join(BIN, 'ray'), nodeName: NODE_NAME, address: '127.0.0.1', port, ...options });
  const { PATH = '', HOME = '/root' } = process.env;
  const env = { PATH: `${BIN}:${PATH}`, HOME, ...rayEnv('head', { token: undefined, user: {} }) };
  const head = await start({ argv, env }, { stdio: 'capture', runId: randomBytes(8).toString('hex') });
  const gcs = openGcs({ host: '127.0.0.1', port });
  try {
    await awaitGate({
      gcs,
      expected: [{ name: NODE_NAME, member: 'bench', rank: 0, resources: { GPU: 1 } }],
      timeoutMs: 60_000,
      signal: new AbortController().signal,
      log: textLog({ level: 'error', now: () => 0, write: () => undefined }),
      now: () => performance.now(),
    });
  } catch (error) {
    await head.stop(1_000);
    throw error;
  } finally {
    gcs.close();
  }
  return { port, stop: () => head.stop(3_000) };
}

/** The same question in this process: ours and grpc-js's, in turns. */
async function hot(port: number): Promise<Figure[]> {
  const gcs = openGcs({ host: '127.0.0.1', port });
  const loaded = loadPackageDefinition(loadSync(join(ROOT, 'proto/ray_gcs.proto')));
  const { ray } = loaded as unknown as { ray: { rpc: { NodeInfoGcsService: ServiceClientConstructor } } };
  const peer = new ray.rpc.NodeInfoGcsService(`127.0.0.1:${port}`, credentials.createInsecure());
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = -50; i < HOT_CALLS; i += 1) {
    const mine = await timed(() => gcs.listNodes({ deadlineMs: 2_000 }));
    const other = await timed(() => askGrpcJs(peer));
    if (i < 0) continue; // warm
    ours.push(mine);
    theirs.push(other);
  }
  gcs.close();
  peer.close();
  return [0.5, 0.99].map((p) =>
    figure({
      bench: 'gate',
      figure: `GCS check in a running process, p${p * 100} of ${HOT_CALLS}`,
      value: quantile(ours, p),
      unit: 'ms',
      peer: 'the same over grpc-js',
      peerValue: quantile(theirs, p),
    }),
  );
}

const askGrpcJs = (client: Client): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const method = (client as unknown as Record<string, (...args: unknown[]) => void>).GetAllNodeInfo;
    const done = (error: Error | null, reply: unknown) => (error ? reject(error) : resolve(reply));
    method?.call(client, {}, { deadline: Date.now() + 2_000 }, done);
  });

/** Whole processes: ours, bare Node, and Python with ray.init. */
async function fresh(port: number): Promise<Figure[]> {
  const address = `127.0.0.1:${port}`;
  const script = `import ray; ray.init(address=${JSON.stringify(address)}, logging_level="error"); ray.nodes()`;
  const costs = await alternate(
    {
      probe: probe(address),
      node: [process.execPath, '-e', '0'],
      python: [join(BIN, 'python'), '-c', script],
    },
    ROUNDS,
  );
  for (const [name, runs] of Object.entries(costs))
    if (runs.some(({ status }) => status !== 0)) throw new Error(`${name} failed while it was measured`);
  return [
    beside('fresh probe process', 'wallMs', costs.probe, { name: 'node -e 0', costs: costs.node }),
    beside('fresh probe process', 'cpuMs', costs.probe, { name: 'node -e 0', costs: costs.node }),
    beside('fresh probe process', 'wallMs', costs.probe, { name: 'python ray.init + ray.nodes', costs: costs.python }),
    beside('fresh probe process', 'cpuMs', costs.probe, { name: 'python ray.init + ray.nodes', costs: costs.python }),
  ];
}

interface Peer {
  readonly name: string;
  readonly costs: readonly Cost[];
}

function beside(what: string, which: 'wallMs' | 'cpuMs', ours: readonly Cost[], { name, costs }: Peer): Figure {
  const median = (runs: readonly Cost[]) =>
    quantile(
      runs.map((run) => run[which]),
      0.5,
    );
  const word = which === 'wallMs' ? 'wall' : 'CPU';
  return figure(
    {
      bench: 'gate',
      figure: `${what}, ${word}, median of ${ours.length}`,
      value: median(ours),
      unit: 'ms',
      peer: name,
      peerValue: median(costs),
    },
    1,
  );
}

/** Measured with Ray 2.58: 40.9 s (docs/ray.md). */
const RAY_HEALTH_CHECK_MS = 40_900;

/** Nobody listens: time to the verdict, which must be "no". */
async function nobody(slow: boolean): Promise<Figure[]> {
  const address = `127.0.0.1:${await freePort()}`;
  const runs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) runs.push(await cost(probe(address)));
  if (runs.some(({ status }) => status !== EXIT.unavailable))
    throw new Error('the probe did not say no to a dead port');
  const measured = slow ? await cost([join(BIN, 'ray'), 'health-check', '--address', address]) : undefined;
  return [
    figure(
      {
        bench: 'gate',
        figure: `nobody listens: time to "no", fresh process, median of ${ROUNDS}`,
        value: quantile(
          runs.map(({ wallMs }) => wallMs),
          0.5,
        ),
        unit: 'ms',
        peer: measured ? 'ray health-check, n=1' : 'ray health-check, as documented (--slow measures it)',
        peerValue: measured?.wallMs ?? RAY_HEALTH_CHECK_MS,
      },
      1,
    ),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Out of 10002-19999, Ray's worker ports: the kernel gives ephemeral ones from 32768 up. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
