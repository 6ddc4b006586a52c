/** The GCS client and its three waits against a fake GCS made of our own proto file. */
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MusterError } from '../../src/errors.ts';
import { awaitGate } from '../../src/launch/start/ray/await-gate.ts';
import { awaitGcs } from '../../src/launch/start/ray/await-gcs.ts';
import { type Gcs, openGcs } from '../../src/launch/start/ray/gcs.ts';
import { watchNode } from '../../src/launch/start/ray/watch-node.ts';
import { probeRay } from '../../src/launch/watch/probe-command.ts';
import { textLog } from '../../src/log.ts';
import { WireError } from '../../src/wire/wire-error.ts';
import { freePort, grpcServer, tcpServer } from './support/servers.ts';

interface FakeNode {
  node_name: string;
  state?: 'ALIVE' | 'DEAD';
  resources_total?: Record<string, number>;
  death_info?: { reason: number; reason_message: string };
}

/** What the fake says; tests change it while it runs. */
interface Script {
  version: string;
  nodes: FakeNode[];
  token?: string;
  silent?: boolean;
}

async function fakeGcs(script: Script): Promise<{ port: number; close: () => void }> {
  const answer = (what: () => unknown) => (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) => {
    if (script.silent) return;
    const given = call.metadata.get('authorization')[0];
    if (script.token !== undefined && given !== `Bearer ${script.token}`)
      return reply({
        code: status.UNAUTHENTICATED,
        details: 'InvalidAuthToken: missing or incorrect',
        metadata: new Metadata(),
      });
    reply(null, what());
  };
  return grpcServer('ray_gcs.proto', 'ray.rpc.NodeInfoGcsService', {
    CheckAlive: answer(() => ({ ray_version: script.version })),
    GetAllNodeInfo: answer(() => ({
      node_info_list: script.nodes.map((node) => ({ node_id: Buffer.from('0f', 'hex'), ...node })),
    })),
  });
}

function client(port: number, token?: string): Gcs {
  const gcs = openGcs({ host: '127.0.0.1', port, token });
  onTestFinished(() => gcs.close());
  return gcs;
}

const lines: string[] = [];
const log = textLog({ level: 'info', now: () => 0, write: (text) => void lines.push(text) });
const now = () => performance.now();
const never = new AbortController().signal;
const refused = (promise: Promise<unknown>): Promise<MusterError> =>
  promise.then(
    () => Promise.reject(new Error('resolved')),
    (error) => {
      expect(error).toBeInstanceOf(MusterError);
      return error;
    },
  );
const WANT = (name: string, rank: number) => ({ name: `${name}-1f`, member: name, rank, resources: { GPU: 1 } });
const NODE = (name: string, more: Partial<FakeNode> = {}): FakeNode => ({
  node_name: `${name}-1f`,
  resources_total: { GPU: 1, CPU: 4 },
  ...more,
});

describe('openGcs', () => {
  test('reads version and nodes', async () => {
    const { port } = await fakeGcs({
      version: '2.58.0',
      nodes: [NODE('head'), NODE('w', { state: 'DEAD', death_info: { reason: 2, reason_message: 'gone' } })],
    });
    const gcs = client(port);
    await expect(gcs.checkAlive({ deadlineMs: 30_000 })).resolves.toBe('2.58.0');
    await expect(gcs.listNodes({ deadlineMs: 30_000 })).resolves.toMatchObject([
      { id: '0f', name: 'head-1f', alive: true, resources: { GPU: 1, CPU: 4 }, death: undefined },
      { name: 'w-1f', alive: false, death: { reason: 2, message: 'gone' } },
    ]);
  });

  test.each([
    { when: 'none', token: undefined, says: /wants a token and we have none/ },
    { when: 'another', token: 'wrong', says: /refused our token/ },
  ])('a token is wanted and $when was given: TOKEN_WRONG', async ({ token, says }) => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [], token: 'right' });
    const error = await refused(client(port, token).listNodes({ deadlineMs: 30_000 }));
    expect(error).toMatchObject({ code: 'TOKEN_WRONG', message: expect.stringMatching(says) });
    expect(error.message).not.toContain('wrong ');
    await expect(client(port, 'right').checkAlive({ deadlineMs: 30_000 })).resolves.toBe('2.58.0');
  });

  test('another gRPC server says so', async () => {
    const { port } = await grpcServer('health.proto', 'grpc.health.v1.Health', {});
    const error = await client(port)
      .checkAlive({ deadlineMs: 30_000 })
      .catch((caught) => caught);
    expect(error).toBeInstanceOf(WireError);
    expect(error.message).toContain("speaks gRPC but is not Ray's GCS");
  });
});

describe('awaitGate', () => {
  const gate = (port: number, more: Partial<Parameters<typeof awaitGate>[0]> = {}) =>
    awaitGate({
      gcs: client(port),
      expected: [WANT('head', 0), WANT('w', 1)],
      timeoutMs: 60_000,
      pollMs: 5,
      signal: never,
      log,
      now,
      ...more,
    });

  test('resolves once the last node is there', async () => {
    const script: Script = { version: '2.58.0', nodes: [NODE('head')] };
    const { port } = await fakeGcs(script);
    const passed = gate(port);
    script.nodes.push(NODE('w'));
    await expect(passed).resolves.toBeGreaterThan(0);
  });

  test('survives a GCS that comes late', async () => {
    const port = await freePort();
    await expect(refused(gate(port, { timeoutMs: 2_000 }))).resolves.toMatchObject({
      code: 'ENGINE_GATE',
      message: expect.stringContaining(`GCS does not answer (tcp: nobody listens on 127.0.0.1:${port})`),
    });
  });

  test('at the timeout it names who is missing; while it waits it says so', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [NODE('head')] });
    lines.length = 0;
    const error = await refused(gate(port, { timeoutMs: 2_000, progressMs: 20 }));
    expect(error.message).toBe("Ray's cluster is not the group: not complete after 2 s: no Ray node of w (rank 1) yet");
    expect(error.exitStatus).toBe(79);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines[0]).toContain('no Ray node of w (rank 1) yet');
  });

  test("a dead node fails at once, in Ray's words", async () => {
    const { port } = await fakeGcs({
      version: '2.58.0',
      nodes: [NODE('head'), NODE('w', { state: 'DEAD', death_info: { reason: 2, reason_message: 'heartbeats' } })],
    });
    const error = await refused(gate(port, { timeoutMs: 60_000 }));
    expect(error).toMatchObject({
      code: 'ENGINE_GATE',
      message: expect.stringContaining('w (rank 1) is dead: heartbeats'),
    });
    expect(error.cause).toMatchObject({ ok: false, dead: [{ message: 'heartbeats' }] });
  });

  test('a wrong token fails at once', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [], token: 't' });
    await expect(refused(gate(port, { timeoutMs: 60_000 }))).resolves.toMatchObject({ code: 'TOKEN_WRONG' });
  });

  test('an abort ends it with its reason', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [] });
    const stop = new AbortController();
    const waiting = gate(port, { timeoutMs: 60_000, signal: stop.signal });
    stop.abort(new Error('the group ended'));
    await expect(waiting).rejects.toThrow('the group ended');
  });
});

describe('awaitGcs', () => {
  const wait = (port: number, more: Partial<Parameters<typeof awaitGcs>[0]> = {}) =>
    awaitGcs({
      gcs: client(port),
      head: 'head-0',
      localVersion: '2.58.0',
      timeoutMs: 60_000,
      pollMs: 5,
      signal: never,
      log,
      now,
      ...more,
    });

  test('gives the version', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [] });
    await expect(wait(port)).resolves.toBe('2.58.0');
  });

  test('names both versions when they differ; compares nothing when ours is unknown', async () => {
    const { port } = await fakeGcs({ version: '2.60.0', nodes: [] });
    await expect(refused(wait(port))).resolves.toMatchObject({
      code: 'VERSION_MISMATCH',
      message: 'Ray 2.60.0 runs on head-0, Ray 2.58.0 is installed here',
    });
    await expect(wait(port, { localVersion: undefined })).resolves.toBe('2.60.0');
  });

  test.each([
    { when: 'nobody listens', port: () => freePort(), layer: 'tcp', hint: /NetworkPolicy/ },
    { when: 'the port is silent', port: () => tcpServer(), layer: 'http2', hint: /Something else has that port/ },
  ])('$when: HEAD_UNREACHABLE at layer $layer', async ({ port, layer, hint }) => {
    lines.length = 0;
    const error = await refused(wait(await port(), { timeoutMs: 2_000, progressMs: 10 }));
    expect(error).toMatchObject({ code: 'HEAD_UNREACHABLE', hint: expect.stringMatching(hint) });
    expect(error.message).toContain(`Ray's head head-0 did not answer within 2 s: ${layer}:`);
  });

  test('a name that does not exist is layer dns', async () => {
    const gcs = openGcs({ host: 'head.invalid', port: 6379 });
    onTestFinished(() => gcs.close());
    const error = await refused(wait(1, { gcs, timeoutMs: 2_000 }));
    expect(error.message).toContain('dns: ');
    expect(error.hint).toContain('publishNotReadyAddresses');
  });

  test('a wrong token fails at once', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [], token: 't' });
    await expect(refused(wait(port, { timeoutMs: 60_000 }))).resolves.toMatchObject({ code: 'TOKEN_WRONG' });
  });
});

describe('watchNode', () => {
  const watch = (port: number, more: Partial<Parameters<typeof watchNode>[0]> = {}) =>
    watchNode({ gcs: client(port), name: 'w-1f', periodMs: 5, deadlineMs: 30_000, signal: never, ...more });

  test("dead, with Ray's words", async () => {
    const script: Script = { version: '2.58.0', nodes: [NODE('head'), NODE('w')] };
    const { port } = await fakeGcs(script);
    const lost = watch(port);
    script.nodes[1] = NODE('w', { state: 'DEAD', death_info: { reason: 2, reason_message: 'heartbeats' } });
    await expect(lost).resolves.toEqual({ kind: 'dead', message: 'heartbeats' });
  });

  test('forgotten by a restarted GCS, or by one with another token (fault 35)', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [NODE('head')] });
    await expect(watch(port)).resolves.toEqual({ kind: 'forgotten', message: 'GCS knows no node named w-1f' });
    const other = await fakeGcs({ version: '2.58.0', nodes: [NODE('w')], token: 'another' });
    await expect(watch(other.port)).resolves.toMatchObject({ kind: 'forgotten' });
  });

  test('GCS silent so many times in a row; one missed look is forgiven', async () => {
    const script: Script = { version: '2.58.0', nodes: [NODE('w')], silent: true };
    const { port } = await fakeGcs(script);
    await expect(watch(port, { misses: 2, deadlineMs: 2_000 })).resolves.toMatchObject({
      kind: 'gcs-silent',
      message: expect.stringContaining('no answer 2 times in a row, last: grpc: no answer'),
    });
  });

  test('undefined when aborted', async () => {
    const { port } = await fakeGcs({ version: '2.58.0', nodes: [NODE('w')] });
    const stop = new AbortController();
    const lost = watch(port, { signal: stop.signal });
    stop.abort();
    await expect(lost).resolves.toBeUndefined();
  });
});

describe('probeRay', () => {
  test('counts and names the living', async () => {
    const { port } = await fakeGcs({
      version: '2.58.0',
      nodes: [NODE('w'), NODE('head'), NODE('x', { state: 'DEAD' })],
    });
    const address = `127.0.0.1:${port}`;
    await expect(probeRay({ address, expectedAlive: 2, timeoutMs: 30_000 })).resolves.toEqual({
      ok: true,
      line: `2 of 2 Ray nodes alive at ${address}: head-1f, w-1f`,
    });
    await expect(probeRay({ address, expectedAlive: 3, timeoutMs: 30_000 })).resolves.toMatchObject({ ok: false });
  });

  test.each([
    { when: 'nobody listens', address: async () => `127.0.0.1:${await freePort()}`, says: /nobody listens/ },
    { when: 'no address', address: async () => 'head', says: /not host:port/ },
  ])('says why not: $when', async ({ address, says }) => {
    const answer = await probeRay({ address: await address(), timeoutMs: 30_000 });
    expect(answer).toEqual({ ok: false, line: expect.stringMatching(says) });
  });
});
