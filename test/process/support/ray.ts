/**
 * Real Ray nodes as child processes, each ended with its whole family when the test is over. `ray` is the venv's.
 *
 * All nodes of this machine share one address; names and ports tell them apart, as in `docs/ray.md`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePorts } from '../../../scripts/group.ts';
import { type HeadInput, rayEnv, rayStartHead, rayStartWorker } from '../../../src/launch/start/ray/command.ts';
import { type Gcs, openGcs } from '../../../src/launch/start/ray/gcs.ts';
import { type Child, start } from '../../../src/process/spawn.ts';

const BIN = join(import.meta.dirname, '../../../.venv/bin');
export const RAY = join(BIN, 'ray');
export const RAY_PATH = BIN;
export const noRay = existsSync(RAY)
  ? undefined
  : 'no .venv with ray (python3 -m venv .venv && .venv/bin/pip install ray)';

export async function gcsPort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** A short one: a socket's path holds 107 characters. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mr-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface NodeOptions {
  readonly token?: string;
  readonly extraArgs?: readonly string[];
  readonly gpus?: number;
}

const SMALL = { ray: RAY, address: '127.0.0.1', cpus: 1, objectStoreBytes: 100_000_000 } as const;

export const startHead = (nodeName: string, port: number, options: NodeOptions = {}): Promise<Child> =>
  startNode('head', rayStartHead({ ...SMALL, ...common(nodeName, options), port } satisfies HeadInput), options);

export const startWorker = (nodeName: string, port: number, options: NodeOptions = {}): Promise<Child> =>
  startNode(
    'worker',
    rayStartWorker({ ...SMALL, ...common(nodeName, options), headAddress: `127.0.0.1:${port}` }),
    options,
  );

const common = (nodeName: string, { gpus = 1, extraArgs = [] }: NodeOptions) => ({
  nodeName,
  gpus,
  tempDir: tempDir(),
  // Random worker ports: two nodes of one machine would give out the same first ones of Ray's range.
  extraArgs: ['--min-worker-port=0', '--max-worker-port=0', ...extraArgs],
});

async function startNode(
  role: 'head' | 'worker',
  argv: readonly [string, ...string[]],
  { token }: NodeOptions,
): Promise<Child> {
  const { PATH = '', HOME = '/root' } = process.env;
  const env = { PATH: `${BIN}:${PATH}`, HOME, ...rayEnv(role, { token, user: {} }) };
  const child = await start({ argv, env }, { stdio: 'capture', runId: randomBytes(8).toString('hex') });
  onTestFinished(() => child.stop(2_000).then(() => undefined), 30_000);
  return child;
}

export function gcsOf(port: number, token?: string): Gcs {
  const gcs = openGcs({ host: '127.0.0.1', port, token });
  onTestFinished(() => gcs.close());
  return gcs;
}
