/** A real Ray: what the gate, the waits, the watch and the diagnosis say about it. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MusterError } from '../../src/errors.ts';
import { awaitGate } from '../../src/launch/start/ray/await-gate.ts';
import { awaitGcs } from '../../src/launch/start/ray/await-gcs.ts';
import { diagnoseRayStart } from '../../src/launch/start/ray/diagnose.ts';
import type { ExpectedNode } from '../../src/launch/start/ray/gate.ts';
import type { Gcs } from '../../src/launch/start/ray/gcs.ts';
import { findRay } from '../../src/launch/start/ray/installed.ts';
import { watchNode } from '../../src/launch/start/ray/watch-node.ts';
import { textLog } from '../../src/log.ts';
import type { Child } from '../../src/process/spawn.ts';
import { portFree } from '../../src/wire/port.ts';
import { gcsOf, gcsPort, noRay, RAY_PATH, startHead, startWorker } from './support/ray.ts';

const log = textLog({ level: 'error', now: () => 0, write: () => undefined });
const now = () => performance.now();
const never = new AbortController().signal;
const UP_MS = 60_000;

const want = (name: string, rank: number, resources = { GPU: 1 }): ExpectedNode => ({
  name,
  member: name.replace(/-1f$/, ''),
  rank,
  resources,
});
const HEAD = want('head-1f', 0);
const WORKER = want('w-1f', 1);

const gate = (gcs: Gcs, expected: readonly ExpectedNode[], timeoutMs = UP_MS) =>
  awaitGate({ gcs, expected, timeoutMs, signal: never, log, now });
const reach = (gcs: Gcs, timeoutMs = UP_MS) =>
  awaitGcs({ gcs, head: 'head', localVersion: findRay(RAY_PATH).version, timeoutMs, signal: never, log, now });
const refusal = (promise: Promise<unknown>): Promise<MusterError> =>
  promise.then(
    () => Promise.reject(new Error('resolved')),
    (error) => {
      expect(error).toBeInstanceOf(MusterError);
      return error;
    },
  );

/** The raylet of this node, found by the run id that its whole family carries. */
function rayletOf(child: Child): number {
  const environ = (pid: number | string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8');
    } catch {
      return '';
    }
  };
  const runId = /MUSTER_RUN_ID=[0-9a-f]+/.exec(environ(child.pid))?.[0];
  const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
  const name = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    } catch {
      return '';
    }
  };
  const pid = pids.find((each) => name(each) === 'raylet' && runId !== undefined && environ(each).includes(runId));
  if (pid === undefined) throw new Error('no raylet of that node');
  return Number(pid);
}

describe.skipIf(noRay)(`a real Ray ${noRay ?? ''}`, () => {
  test("two nodes: the gate names who is missing, who is short, and who died, in Ray's words", async () => {
    const port = await gcsPort();
    await expect(portFree('0.0.0.0', port)).resolves.toBe(true);
    await startHead('head-1f', port);
    const gcs = gcsOf(port);
    await expect(reach(gcs)).resolves.toBe(findRay(RAY_PATH).version);
    await gate(gcs, [HEAD]);

    const missing = await refusal(gate(gcs, [HEAD, WORKER], 3_000));
    expect(missing.message).toContain('no Ray node of w (rank 1) yet');

    const worker = await startWorker('w-1f', port);
    await gate(gcs, [HEAD, WORKER]);
    const nodes = await gcs.listNodes({ deadlineMs: 30_000 });
    expect(nodes.filter(({ isHead }) => isHead).map(({ name }) => name)).toEqual(['head-1f']);
    expect(new Set(nodes.map(({ address }) => address)).size).toBe(1); // so nobody may match by address

    const short = await refusal(gate(gcs, [HEAD, want('w-1f', 1, { GPU: 2 })], 3_000));
    expect(short.message).toContain('w (rank 1) has GPU 1 of 2');
    const stranger = await refusal(gate(gcs, [HEAD], 3_000));
    expect(stranger.message).toMatch(/node "w-1f" at \S+ was announced by nobody/);

    const lost = watchNode({ gcs, name: 'w-1f', periodMs: 100, signal: never });
    process.kill(rayletOf(worker), 'SIGKILL');
    const loss = await lost;
    expect(loss).toMatchObject({ kind: 'dead', message: expect.stringMatching(/health check failed|heartbeat/) });
    const dead = await refusal(gate(gcs, [HEAD, WORKER]));
    expect(dead.message).toContain(`the Ray node of w (rank 1) is dead: ${loss?.message}`);
  });

  test('a lost GCS is noticed (fault 35)', async () => {
    const port = await gcsPort();
    const head = await startHead('head-1f', port);
    const gcs = gcsOf(port);
    await gate(gcs, [HEAD]);
    const lost = watchNode({ gcs, name: 'head-1f', periodMs: 50, misses: 3, signal: never });
    await head.stop(1_000);
    const loss = await lost;
    expect(['gcs-silent', 'dead']).toContain(loss?.kind);
  });

  test('with a token: the right one enters, none and a wrong one are refused at once', async () => {
    const port = await gcsPort();
    const token = 'a'.repeat(64);
    await startHead('head-1f', port, { token });
    await expect(reach(gcsOf(port, token))).resolves.toMatch(/^2\./);
    await gate(gcsOf(port, token), [HEAD]);
    for (const wrong of [undefined, 'b'.repeat(64)]) {
      const started = performance.now();
      await expect(refusal(reach(gcsOf(port, wrong)))).resolves.toMatchObject({ code: 'TOKEN_WRONG' });
      await expect(refusal(gate(gcsOf(port, wrong), [HEAD]))).resolves.toMatchObject({ code: 'TOKEN_WRONG' });
      expect(performance.now() - started).toBeLessThan(15_000);
    }
  });

  test('a taken port is named before Ray would need 41 s to say so (fault 35)', async () => {
    const port = await gcsPort();
    const server = createServer().listen(port, '0.0.0.0');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const started = performance.now();
    await expect(portFree('0.0.0.0', port)).resolves.toMatchObject({ why: 'in-use', owner: { pid: process.pid } });
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test.each([
    {
      when: 'the object store is too small',
      extraArgs: ['--object-store-memory=1000'],
      says: 'object store memory usage at 1000 bytes, but the minimum allowed is',
    },
    { when: 'an option is unknown', extraArgs: ['--no-such-option'], says: 'No such option' },
  ])("ray start fails because $when: said in Ray's words", async ({ extraArgs, says }) => {
    const child = await startHead('head-1f', await gcsPort(), { extraArgs });
    const status = await child.exited;
    expect(status).not.toBe(0);
    const refused = diagnoseRayStart({ status, lines: child.lastLines() });
    expect(refused).toMatchObject({ code: 'ENGINE_START_FAILED', message: expect.stringContaining(says) });
  });

  test('a head that is not there: its layer within the timeout', async () => {
    const error = await refusal(reach(gcsOf(await gcsPort()), 3_000));
    expect(error).toMatchObject({ code: 'HEAD_UNREACHABLE', message: expect.stringContaining('tcp: nobody listens') });
  });
});
