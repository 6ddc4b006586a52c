/** What Ray alone takes to see that a node is gone: two nodes with Ray's own settings, GCS asked until one is dead. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rayStartHead, rayStartWorker } from '../../src/launch/start/ray/command.ts';
import { type Gcs, openGcs } from '../../src/launch/start/ray/gcs.ts';
import { freePorts, root } from '../group.ts';
import { marked, markedEnv, sweepMarked } from './marked.ts';

const BIN = join(root, '.venv', 'bin');
const VICTIM = 'bench-victim';

/** Milliseconds from the signal to the worker's raylet until GCS says that its node is dead. */
export async function rayAlone(signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  const ray = join(BIN, 'ray');
  if (!existsSync(ray)) throw new Error(`no ray in ${BIN}: python3 -m venv .venv && .venv/bin/pip install ray`);
  const dir = mkdtempSync(join(tmpdir(), 'mb-'));
  const [port = 0] = await freePorts(1);
  const common = { ray, address: '127.0.0.1', cpus: 1, objectStoreBytes: 100_000_000 };
  const start = ([program, ...args]: readonly string[]) =>
    spawn(program ?? '', args, { env: markedEnv({ PATH: `${BIN}:${process.env.PATH}` }), stdio: 'ignore' });
  const gcs = openGcs({ host: '127.0.0.1', port });
  try {
    start(rayStartHead({ ...common, nodeName: 'bench-head', port, tempDir: join(dir, 'h') }));
    await until(gcs, (alive) => alive.length === 1);
    start(rayStartWorker({ ...common, nodeName: VICTIM, headAddress: `127.0.0.1:${port}`, tempDir: join(dir, 'w') }));
    await until(gcs, (alive) => alive.length === 2);
    await sleep(5_000); // GCS waits that long before it looks at a new node's health
    const raylet = marked().find(({ command }) => /raylet\/raylet /.test(command) && command.includes(VICTIM));
    if (!raylet) throw new Error('the raylet of the second node was not found');
    const at = performance.now();
    process.kill(raylet.pid, signal);
    await until(gcs, (alive) => !alive.includes(VICTIM));
    return performance.now() - at;
  } finally {
    gcs.close();
    sweepMarked();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function until(gcs: Gcs, isSo: (alive: readonly string[]) => boolean): Promise<void> {
  for (const end = performance.now() + 120_000; performance.now() < end; await sleep(50)) {
    const nodes = await gcs.listNodes({ deadlineMs: 1_000 }).catch(() => undefined);
    if (nodes && isSo(nodes.filter(({ alive }) => alive).map(({ name }) => name))) return;
  }
  throw new Error('Ray did not see it within 120 s');
}
