/** Every probe against a real server that says yes, no, nothing, or something else. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { grpcHealthProbe } from '../../src/launch/watch/probes/grpc-health.ts';
import { httpProbe } from '../../src/launch/watch/probes/http.ts';
import { oipV2Probe } from '../../src/launch/watch/probes/oip-v2.ts';
import type { Probe } from '../../src/launch/watch/probes/probe.ts';
import { smoke } from '../../src/launch/watch/probes/smoke.ts';
import { tcpProbe } from '../../src/launch/watch/probes/tcp.ts';
import { tfsProbe } from '../../src/launch/watch/probes/tfs.ts';
import { freePort, grpcServer, tcpServer } from './support/servers.ts';

const host = '127.0.0.1';
const look = (probe: Probe, ms = 30_000) => probe.look(AbortSignal.timeout(ms));
const never = new AbortController().signal;

async function httpServer(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, host);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('every probe', () => {
  const PROBES = [
    { name: 'http', make: (port: number) => httpProbe({ host, port, path: '/health' }) },
    { name: 'grpc-health', make: (port: number) => grpcHealthProbe({ host, port }) },
    { name: 'oip-v2', make: (port: number) => oipV2Probe({ host, port }) },
    { name: 'tfs', make: (port: number) => tfsProbe({ host, port, model: 'm' }) },
  ];

  test.each([...PROBES, { name: 'tcp', make: (port: number) => tcpProbe({ host, port }) }])(
    '$name: nobody listens',
    async ({ make }) => {
      const port = await freePort();
      await expect(look(make(port))).resolves.toEqual({ up: false, why: `tcp: nobody listens on 127.0.0.1:${port}` });
    },
  );

  test.each(PROBES)('$name: a silent port is down when the signal says so', async ({ make }) => {
    const port = await tcpServer();
    const started = performance.now();
    await expect(look(make(port), 100)).resolves.toMatchObject({ up: false });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test.each(PROBES)('$name: a port that hangs up is down', async ({ make }) => {
    const port = await tcpServer((socket) => socket.destroy());
    await expect(look(make(port))).resolves.toMatchObject({ up: false });
  });

  test.each(PROBES)('$name: garbage is down', async ({ make }) => {
    const port = await tcpServer((socket) => socket.end('\x00\xff garbage\r\n\r\n'));
    await expect(look(make(port))).resolves.toMatchObject({ up: false });
  });
});

describe('httpProbe', () => {
  test.each([
    { code: 200, up: true },
    { code: 204, up: true },
    { code: 302, up: true },
    { code: 400, up: false },
    { code: 404, up: false },
    { code: 503, up: false },
  ])('HTTP $code → up: $up', async ({ code, up }) => {
    let asked = 0;
    const port = await httpServer((_, response) => {
      asked += 1;
      response.writeHead(code, { location: '/elsewhere' }).end('words');
    });
    const health = await look(httpProbe({ host, port, path: '/health' }));
    expect(health).toEqual(up ? { up } : { up, why: `HTTP ${code}` });
    expect(asked).toBe(1);
  });

  test('sends its headers, and does not wait for an endless body', async () => {
    let seen: unknown;
    const port = await httpServer((request, response) => {
      seen = [request.headers.host, request.headers['x-key'], request.url];
      response.writeHead(200);
      response.write('and so on');
    });
    await expect(look(httpProbe({ host, port, path: '/v2?x=1', headers: { 'x-key': 'k' } }))).resolves.toEqual({
      up: true,
    });
    expect(seen).toEqual([`${host}:${port}`, 'k', '/v2?x=1']);
  });
});

test('tcpProbe is up when the port accepts', async () => {
  await expect(look(tcpProbe({ host, port: await tcpServer() }))).resolves.toEqual({ up: true });
});

describe('grpcHealthProbe', () => {
  const KNOWN: Record<string, string> = { '': 'SERVING', good: 'SERVING', bad: 'NOT_SERVING' };
  const server = () =>
    grpcServer('health.proto', 'grpc.health.v1.Health', {
      Check: (call: ServerUnaryCall<{ service: string }, unknown>, reply: sendUnaryData<unknown>) => {
        const given = KNOWN[call.request.service];
        if (given) reply(null, { status: given });
        else reply({ code: status.NOT_FOUND, details: 'service name unknown', metadata: new Metadata() });
      },
    });

  test.each([
    { service: undefined, want: { up: true } },
    { service: 'good', want: { up: true } },
    { service: 'bad', want: { up: false, why: 'NOT_SERVING' } },
    { service: 'unheard', want: { up: false, why: 'gRPC status 5: service name unknown' } },
  ])('service $service → $want', async ({ service, want }) => {
    const { port } = await server();
    await expect(look(grpcHealthProbe({ host, port, service }))).resolves.toEqual(want);
  });
});

describe('oipV2Probe', () => {
  const server = (ready: boolean) =>
    grpcServer('oip_v2.proto', 'inference.GRPCInferenceService', {
      ServerReady: (_: unknown, reply: sendUnaryData<unknown>) => reply(null, { ready }),
      ModelReady: (call: ServerUnaryCall<{ name: string }, unknown>, reply: sendUnaryData<unknown>) =>
        reply(null, { ready: call.request.name === 'm' }),
    });

  test.each([
    { when: 'the server is ready', ready: true, model: undefined, want: { up: true } },
    { when: 'the server is not', ready: false, model: undefined, want: { up: false, why: 'ServerReady says no' } },
    { when: 'the model is ready', ready: false, model: 'm', want: { up: true } },
    { when: 'the model is not', ready: true, model: 'n', want: { up: false, why: 'ModelReady says no' } },
  ])('$when → $want', async ({ ready, model, want }) => {
    const { port } = await server(ready);
    await expect(look(oipV2Probe({ host, port, model }))).resolves.toEqual(want);
  });
});

describe('tfsProbe', () => {
  test.each([
    { when: 'available', versions: [{ version: 1, state: 'AVAILABLE' }], want: { up: true } },
    {
      when: 'an old one unloading, the new one there',
      versions: [
        { version: 1, state: 'UNLOADING' },
        { version: 2, state: 'AVAILABLE' },
      ],
      want: { up: true },
    },
    { when: 'loading', versions: [{ version: 7, state: 'LOADING' }], want: { up: false, why: 'version 7 LOADING' } },
    {
      when: 'failed',
      versions: [{ version: 7, state: 'END', status: { error_code: 3, error_message: 'no such file' } }],
      want: { up: false, why: 'version 7 END (no such file)' },
    },
    { when: 'nothing', versions: [], want: { up: false, why: 'no version is loaded' } },
  ])('$when → $want', async ({ versions, want }) => {
    let asked = '';
    const { port } = await grpcServer('tfs_status.proto', 'tensorflow.serving.ModelService', {
      GetModelStatus: (
        call: ServerUnaryCall<{ model_spec: { name: string } }, unknown>,
        reply: sendUnaryData<unknown>,
      ) => {
        asked = call.request.model_spec.name;
        reply(null, { model_version_status: versions });
      },
    });
    await expect(look(tfsProbe({ host, port, model: 'half_plus_two' }))).resolves.toEqual(want);
    expect(asked).toBe('half_plus_two');
  });
});

describe('smoke', () => {
  const ASKS = [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body: '{"a":"ü"}',
    },
    { method: 'POST', path: '/v1/completions', body: '{}' },
  ];
  const run = (port: number, timeoutMs = 30_000) =>
    smoke({ to: { host, port }, alternatives: ASKS, timeoutMs, signal: never });

  test('the first that is served proves it; bodies arrive whole', async () => {
    const bodies: string[] = [];
    const port = await httpServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(request.url === '/v1/completions' ? 200 : 404).end('{}');
      });
    });
    await expect(run(port)).resolves.toEqual({ ok: true, via: 'POST /v1/completions' });
    expect(bodies).toEqual(['{"a":"ü"}', '{}']);
  });

  test('a 500 is a failure, with its words, and the next is not asked', async () => {
    let asked = 0;
    const port = await httpServer((_, response) => {
      asked += 1;
      response.writeHead(500).end(`engine\n dead ${'x'.repeat(1_000)}`);
    });
    const result = await run(port);
    expect(result).toEqual({
      ok: false,
      why: expect.stringMatching(/^POST \/v1\/chat\/completions: HTTP 500: engine dead x+$/),
    });
    expect(asked).toBe(1);
    expect(JSON.stringify(result).length).toBeLessThan(400);
  });

  test('refused by all: unproven', async () => {
    const port = await httpServer((request, response) => {
      response.writeHead(request.url === '/v1/completions' ? 404 : 400).end();
    });
    await expect(run(port)).resolves.toEqual({
      ok: 'unproven',
      why: 'POST /v1/chat/completions: HTTP 400, POST /v1/completions: HTTP 404',
    });
  });

  test('no answer in time, and nobody there', async () => {
    const port = await httpServer(() => undefined);
    await expect(run(port, 1_000)).resolves.toMatchObject({
      ok: false,
      why: expect.stringContaining('no answer from'),
    });
    await expect(run(await freePort())).resolves.toMatchObject({
      ok: false,
      why: expect.stringContaining('nobody listens'),
    });
  });

  test('a reply without end is proof once 64 KiB are there', async () => {
    const port = await httpServer((_, response) => {
      response.writeHead(200);
      const more = () => response.destroyed || response.write(Buffer.alloc(16_384), more);
      more();
    });
    await expect(run(port, 30_000)).resolves.toMatchObject({ ok: true });
  });
});
