/** Our client against real peers: grpc-js, bare HTTP/2, HTTP/1, silence and garbage. Each call ends, and says where. */
import { createServer as createHttp1 } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GrpcConnection, type GrpcConnectionOptions } from '../../src/wire/grpc-connection.ts';
import { decodeMessage, stringField } from '../../src/wire/protobuf.ts';
import { WireError } from '../../src/wire/wire-error.ts';
import fc from '../property.ts';
import { freePort, grpcServer, http2Server, tcpServer } from './support/servers.ts';

const CHECK = '/grpc.health.v1.Health/Check';

function connection(options: Partial<GrpcConnectionOptions> & { port: number }): GrpcConnection {
  const made = new GrpcConnection({ host: '127.0.0.1', ...options });
  onTestFinished(() => made.close());
  return made;
}

const health = (answer: (service: string, call: ServerUnaryCall<{ service: string }, unknown>) => unknown) => ({
  Check: (call: ServerUnaryCall<{ service: string }, unknown>, reply: sendUnaryData<unknown>) => {
    const given = answer(call.request.service, call);
    if (given instanceof Error) reply(given);
    else if (given !== undefined) reply(null, given);
  },
});
const serve = (answer: Parameters<typeof health>[0], at?: string) =>
  grpcServer('health.proto', 'grpc.health.v1.Health', health(answer), at);

const failure = (call: Promise<unknown>): Promise<WireError> =>
  call.then(
    (value) => Promise.reject(new Error(`answered ${JSON.stringify(value)}`)),
    (error) => {
      expect(error).toBeInstanceOf(WireError);
      return error;
    },
  );

describe('against grpc-js', () => {
  test('gets the reply message', async () => {
    const { port } = await serve((service) => ({ status: service === 'm' ? 'SERVING' : 'NOT_SERVING' }));
    const to = connection({ port });
    const named = await to.call({ path: CHECK, request: stringField(1, 'm'), deadlineMs: 30_000 });
    expect(decodeMessage(named.body).int(1)).toBe(1);
    const empty = await to.call({ path: CHECK, deadlineMs: 30_000 });
    expect(decodeMessage(empty.body).int(1)).toBe(2);
  });

  test('sends metadata and a deadline', async () => {
    let seen: unknown;
    let deadline = 0;
    const { port } = await serve((_, call) => {
      seen = call.metadata.get('authorization');
      deadline = Number(call.getDeadline());
      return { status: 'SERVING' };
    });
    await connection({ port }).call({ path: CHECK, metadata: { authorization: 'Bearer t' }, deadlineMs: 30_000 });
    expect(seen).toEqual(['Bearer t']);
    expect(deadline - Date.now()).toBeLessThanOrEqual(30_000);
  });

  test('gives a status with its message decoded, trailers-only', async () => {
    const { port } = await serve(() =>
      Object.assign(new Error('x'), { code: status.NOT_FOUND, details: 'kein "ü" 100%' }),
    );
    const reply = await connection({ port }).call({ path: CHECK, deadlineMs: 30_000 });
    expect(reply).toMatchObject({ status: 5, message: 'kein "ü" 100%' });
    expect(reply.body).toHaveLength(0);
  });

  test('a method nobody has is UNIMPLEMENTED', async () => {
    const { port } = await serve(() => ({}));
    await expect(connection({ port }).call({ path: '/a.B/C', deadlineMs: 30_000 })).resolves.toMatchObject({
      status: 12,
    });
  });

  test('a hundred calls at once share the session', async () => {
    const { port } = await serve((service) => ({ status: Number(service) % 2 === 0 ? 'SERVING' : 'NOT_SERVING' }));
    const to = connection({ port });
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        to.call({ path: CHECK, request: stringField(1, `${i}`), deadlineMs: 30_000 }),
      ),
    );
    expect(replies.map(({ body }) => decodeMessage(body).int(1))).toEqual(replies.map((_, i) => (i % 2 === 0 ? 1 : 2)));
  });

  test('over IPv6', async (ctx) => {
    const server = await serve(() => ({ status: 'SERVING' }), '[::1]:0').catch(() => undefined);
    if (!server) return ctx.skip('no IPv6 loopback here');
    const to = connection({ host: '::1', port: server.port });
    expect(to.target).toBe(`[::1]:${server.port}`);
    await expect(to.call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
  });

  test('a slow reply is a deadline of layer grpc, and the next call works', async () => {
    let slow = true;
    const { port } = await serve(() => (slow ? undefined : { status: 'SERVING' }));
    const to = connection({ port });
    const error = await failure(to.call({ path: CHECK, deadlineMs: 1_500 }));
    expect(error).toMatchObject({ layer: 'grpc', reason: 'deadline' });
    expect(error.message).toBe(`grpc: no answer from 127.0.0.1:${port} within 1500 ms`);
    slow = false;
    await expect(to.call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
  });

  test('an abort ends the call, not the connection', async () => {
    const { port } = await serve((service) => (service === 'slow' ? undefined : { status: 'SERVING' }));
    const to = connection({ port });
    await to.call({ path: CHECK, deadlineMs: 30_000 });
    const stop = new AbortController();
    const call = to.call({ path: CHECK, request: stringField(1, 'slow'), deadlineMs: 60_000, signal: stop.signal });
    stop.abort();
    await expect(failure(call)).resolves.toMatchObject({ reason: 'cancelled' });
    await expect(to.call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
  });

  test('a signal that is aborted already sends nothing', async () => {
    const { port } = await serve(() => ({ status: 'SERVING' }));
    const call = connection({ port }).call({ path: CHECK, deadlineMs: 30_000, signal: AbortSignal.abort() });
    await expect(failure(call)).resolves.toMatchObject({ reason: 'cancelled' });
  });

  test('a stream that is given up while it opens ends, whenever that is', async () => {
    const { port } = await http2Server((server) => server.on('stream', (stream) => void stream.on('error', () => {})));
    const client = connection({ port });
    await client.stream({ path: '/s/m', deadlineMs: 60_000 }); // so that the next ones open at once
    for (let steps = 0; steps < 20; steps += 1) {
      const caller = new AbortController();
      const opening = client.stream({ path: '/s/m', deadlineMs: 60_000, signal: caller.signal });
      for (let step = 0; step < steps; step += 1) await undefined;
      caller.abort();
      const read = opening.then((stream) => stream[Symbol.asyncIterator]().next());
      await expect(read).rejects.toMatchObject({ reason: 'cancelled' });
    }
  });

  test('finds a server again that was restarted on the same port', async () => {
    const first = await serve(() => ({ status: 'SERVING' }));
    const to = connection({ port: first.port });
    await to.call({ path: CHECK, deadlineMs: 30_000 });
    first.close();
    const gone = await failure(
      (async () => {
        for (;;) await to.call({ path: CHECK, deadlineMs: 1_000 });
      })(),
    );
    expect(['reset', 'refused']).toContain(gone.reason);
    await serve(() => ({ status: 'SERVING' }), `127.0.0.1:${first.port}`);
    await expect(to.call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
  });

  test('after close every call is refused as closed, and one under way ends', async () => {
    const { port } = await serve(() => undefined);
    const to = connection({ port });
    const underWay = failure(to.call({ path: CHECK, deadlineMs: 60_000 }));
    to.close();
    await expect(underWay).resolves.toMatchObject({ reason: 'closed' });
    await expect(failure(to.call({ path: CHECK, deadlineMs: 30_000 }))).resolves.toMatchObject({ reason: 'closed' });
  });
});

describe('against what is no gRPC server', () => {
  test('nobody listens: refused at once', async () => {
    const port = await freePort();
    const started = performance.now();
    const error = await failure(connection({ port }).call({ path: CHECK, deadlineMs: 10_000 }));
    expect(error).toMatchObject({
      layer: 'tcp',
      reason: 'refused',
      message: `tcp: nobody listens on 127.0.0.1:${port}`,
    });
    expect(performance.now() - started).toBeLessThan(9_000);
  });

  test('nobody listens on any address of a name: refused', async () => {
    const call = connection({ host: 'localhost', port: await freePort() }).call({ path: CHECK, deadlineMs: 10_000 });
    await expect(failure(call)).resolves.toMatchObject({ layer: 'tcp', reason: 'refused' });
  });

  test('a name that does not exist: dns', async () => {
    const call = connection({ host: 'no-such-host.invalid', port: 1 }).call({ path: CHECK, deadlineMs: 15_000 });
    await expect(failure(call)).resolves.toMatchObject({ layer: 'dns', reason: 'not-found' });
  });

  test('an HTTP/1 server: not-http2', async () => {
    const server = createHttp1((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const error = await failure(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 }));
    expect(error).toMatchObject({ layer: 'http2', reason: 'not-http2' });
  });

  test('a port that accepts and stays silent: deadline at layer http2, a fresh connection for the next call', async () => {
    let accepted = 0;
    const port = await tcpServer(() => {
      accepted += 1;
    });
    const to = connection({ port });
    await expect(failure(to.call({ path: CHECK, deadlineMs: 1_500 }))).resolves.toMatchObject({
      layer: 'http2',
      reason: 'deadline',
    });
    await failure(to.call({ path: CHECK, deadlineMs: 1_500 }));
    expect(accepted).toBe(2);
  });

  test('a port that accepts and hangs up: reset at layer http2', async () => {
    const port = await tcpServer((socket) => socket.destroy());
    const error = await failure(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 }));
    expect(error.reason).toBe('reset');
  });

  test('random bytes end in a WireError within the deadline', async () => {
    let bytes: Uint8Array = new Uint8Array(0);
    const port = await tcpServer((socket) => socket.write(bytes));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (given) => {
        bytes = given;
        const to = new GrpcConnection({ host: '127.0.0.1', port });
        await failure(to.call({ path: CHECK, deadlineMs: 50 })).finally(() => to.close());
      }),
      { numRuns: 60 },
    );
  });
});

describe('against an HTTP/2 server with other manners', () => {
  const raw = async (answer: (stream: ServerHttp2Stream) => void) => {
    const { port, server } = await http2Server((server) =>
      server.on('stream', (stream: ServerHttp2Stream) => {
        stream.on('error', () => undefined);
        answer(stream);
      }),
    );
    return { port, server };
  };
  const OK = { ':status': 200, 'content-type': 'application/grpc' };
  const withTrailers = (stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string>) => {
    stream.respond(OK, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(body);
  };

  test.each([
    { when: 'HTTP 404 without a grpc-status', headers: { ':status': 404 }, want: { status: 12 } },
    { when: 'HTTP 503 of a proxy', headers: { ':status': 503 }, want: { status: 14 } },
    { when: 'HTTP 200 without a grpc-status', headers: { ':status': 200 }, want: { status: 2 } },
  ])('$when is status $want.status', async ({ headers, want }) => {
    const { port } = await raw((stream) => {
      stream.respond(headers);
      stream.end('<html>');
    });
    await expect(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject(want);
  });

  test.each([
    { when: 'OK without a message', body: [] },
    { when: 'half a message', body: [0, 0, 0, 0, 9, 1] },
    { when: 'two messages', body: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    { when: 'a compressed message', body: [1, 0, 0, 0, 1, 1] },
  ])('$when is malformed', async ({ body }) => {
    const { port } = await raw((stream) => withTrailers(stream, Buffer.from(body), { 'grpc-status': '0' }));
    await expect(failure(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 }))).resolves.toMatchObject({
      layer: 'grpc',
      reason: 'malformed',
    });
  });

  test('words that end with a blank, as Triton’s do, are not lost', async () => {
    const trailers = { 'grpc-status': '3', 'grpc-message': 'unexpected shape. ' };
    const { port } = await raw((stream) => withTrailers(stream, Buffer.alloc(0), trailers));
    const reply = await connection({ port }).call({ path: CHECK, deadlineMs: 10_000 });
    expect(reply).toMatchObject({ status: 3, message: 'unexpected shape. ' });
  });

  test('a reply over the limit is cut, and the next call works', async () => {
    let size = 200_000;
    const { port } = await raw((stream) => {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(size, 1);
      withTrailers(stream, Buffer.concat([head, Buffer.alloc(size)]), { 'grpc-status': '0' });
    });
    const to = connection({ port, maxReplyBytes: 100_000 });
    await expect(failure(to.call({ path: CHECK, deadlineMs: 30_000 }))).resolves.toMatchObject({ reason: 'too-large' });
    size = 100_000;
    const reply = await to.call({ path: CHECK, deadlineMs: 30_000 });
    expect(reply.body).toHaveLength(100_000);
  });

  test('a message of 20 MB arrives whole', async () => {
    const body = Buffer.alloc(20_000_005, 7);
    body.writeUInt8(0, 0);
    body.writeUInt32BE(20_000_000, 1);
    const { port } = await raw((stream) => withTrailers(stream, body, { 'grpc-status': '0' }));
    const reply = await connection({ port, maxReplyBytes: 2 ** 25 }).call({ path: CHECK, deadlineMs: 10_000 });
    expect(Buffer.compare(reply.body, body.subarray(5))).toBe(0);
  });

  test.each([
    { what: 'stream', cut: (stream: ServerHttp2Stream) => stream.destroy(new Error('cut')) },
    { what: 'connection', cut: (stream: ServerHttp2Stream) => stream.session?.socket.destroy() },
  ])('a $what cut in the middle of a reply is a reset', async ({ cut }) => {
    const { port } = await raw((stream) => {
      stream.respond(OK);
      stream.write(Buffer.from([0, 0]), () => cut(stream));
    });
    await expect(failure(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 }))).resolves.toMatchObject({
      reason: 'reset',
    });
  });

  test('a call refused unprocessed is sent once more', async () => {
    let calls = 0;
    const { port } = await raw((stream) => {
      calls += 1;
      if (calls === 1) stream.close(7);
      else withTrailers(stream, Buffer.from([0, 0, 0, 0, 0]), { 'grpc-status': '0' });
    });
    await expect(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
    expect(calls).toBe(2);
  });

  test('refused unprocessed again and again: an error, not a loop', async () => {
    let calls = 0;
    const { port } = await raw((stream) => {
      calls += 1;
      stream.close(7);
    });
    await expect(failure(connection({ port }).call({ path: CHECK, deadlineMs: 30_000 }))).resolves.toMatchObject({
      reason: 'unprocessed',
    });
    expect(calls).toBe(2);
  });

  test('after a GOAWAY the next call gets a new session', async () => {
    let sessions = 0;
    const { port, server } = await raw((stream) => {
      withTrailers(stream, Buffer.from([0, 0, 0, 0, 0]), { 'grpc-status': '0' });
      stream.session?.goaway(0);
    });
    server.on('session', () => {
      sessions += 1;
    });
    const to = connection({ port });
    for (let i = 0; i < 5; i += 1)
      await expect(to.call({ path: CHECK, deadlineMs: 30_000 })).resolves.toMatchObject({ status: 0 });
    expect(sessions).toBeGreaterThan(1);
  });

  test('a peer that freezes after a good call is given up, and the next call dials afresh', async () => {
    let sessions = 0;
    let frozen = false;
    const { port, server } = await raw((stream) => {
      if (!frozen) withTrailers(stream, Buffer.from([0, 0, 0, 0, 0]), { 'grpc-status': '0' });
    });
    server.on('session', () => {
      sessions += 1;
    });
    const to = connection({ port });
    await to.call({ path: CHECK, deadlineMs: 30_000 });
    frozen = true;
    await expect(failure(to.call({ path: CHECK, deadlineMs: 1_500 }))).resolves.toMatchObject({ reason: 'deadline' });
    frozen = false;
    await to.call({ path: CHECK, deadlineMs: 30_000 });
    expect(sessions).toBe(2);
  });
});
