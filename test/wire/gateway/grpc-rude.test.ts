/** The gRPC side against rude peers, by bare HTTP/2: what no gRPC library would send. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endless, event, type FakeCall, fakePredictor, gateway, INT8, raw } from './fixture.ts';
import { grpcClient, RAW } from './grpc-client.ts';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';
const HEADERS = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

/** ModelInferRequest of RAW, by hand: field numbers as in proto/oip_infer.proto. */
const input = Buffer.concat([
  Buffer.from([10, 2]),
  Buffer.from('IN'),
  Buffer.from([18, 4]),
  Buffer.from('INT8'),
  Buffer.from([26, 1, 2]),
]);
const MESSAGE = Buffer.concat([
  Buffer.from([10, 1]),
  Buffer.from('m'),
  Buffer.from([42, input.length]),
  input,
  Buffer.from([58, 2, 1, 2]),
]);
const framed = (message: Buffer, flag = 0): Buffer => {
  const head = Buffer.from([flag, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

function session(port: number | undefined, options = {}): ClientHttp2Session {
  const opened = connect(`http://127.0.0.1:${port}`, options);
  opened.on('error', () => undefined);
  onTestFinished(() => opened.destroy());
  return opened;
}

const begin = (http2: ClientHttp2Session, path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream => {
  const stream = http2.request({ ...HEADERS, ':path': path, ...headers });
  stream.on('error', () => undefined);
  return stream;
};

interface Told {
  readonly http: number;
  readonly status: number | undefined;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
}

/** How the stream ends: HTTP status, gRPC status, words. */
function told(stream: ClientHttp2Stream): Promise<Told> {
  let [headers, trailers]: IncomingHttpHeaders[] = [{}, {}];
  stream.on('response', (given) => {
    headers = given;
  });
  stream.on('trailers', (given) => {
    trailers = given;
  });
  stream.resume();
  return once(stream, 'close').then(() => {
    const status = trailers?.['grpc-status'] ?? headers?.['grpc-status'];
    const message = trailers?.['grpc-message'] ?? headers?.['grpc-message'];
    return {
      http: Number(headers?.[':status'] ?? 0),
      status: status === undefined ? undefined : Number(status),
      message: decodeURIComponent(String(message ?? '')),
      headers: headers ?? {},
    };
  });
}

const opened = async (handlers: Parameters<typeof fakePredictor>[0] = {}, ...argv: string[]) => {
  const { port } = await fakePredictor(handlers);
  return gateway(port, ...argv);
};

describe('a call that is no proper one', () => {
  test.each([
    { what: 'no message at all', body: Buffer.alloc(0), status: 13, says: /none came/ },
    { what: 'half a head', body: framed(MESSAGE).subarray(0, 3), status: 13, says: /within a message/ },
    { what: 'half a message', body: framed(MESSAGE).subarray(0, -1), status: 13, says: /within a message/ },
    { what: 'two messages', body: Buffer.concat([framed(MESSAGE), framed(MESSAGE)]), status: 13, says: /more came/ },
    { what: 'a message that says it is packed', body: framed(MESSAGE, 1), status: 13, says: /compressed/ },
    { what: 'a flag that is none', body: framed(MESSAGE, 7), status: 13, says: /flag 7/ },
    {
      what: 'a packed message that is not',
      body: framed(MESSAGE, 1),
      headers: { 'grpc-encoding': 'gzip' },
      status: 13,
      says: /not gzip/,
    },
    {
      what: 'an encoding nobody knows',
      body: framed(MESSAGE, 1),
      headers: { 'grpc-encoding': 'snappy' },
      status: 12,
      says: /snappy/,
    },
    { what: 'no protobuf', body: framed(Buffer.from([255, 255])), status: 13, says: /no protobuf/ },
    {
      what: 'a bad deadline',
      body: framed(MESSAGE),
      headers: { 'grpc-timeout': '5' },
      status: 3,
      says: /grpc-timeout/,
    },
  ])('$what is status $status (fault 39)', async ({ body, headers = {}, status, says }) => {
    const { grpcPort } = await opened();
    const stream = begin(session(grpcPort), INFER, headers);
    stream.end(body);
    const answer = await told(stream);
    expect(answer).toMatchObject({ http: 200, status, message: expect.stringMatching(says) });
    if (status === 12) expect(answer.headers['grpc-accept-encoding']).toBe('identity,gzip,deflate');
  });

  test.each([
    { what: 'another content type', headers: { 'content-type': 'application/json' } },
    { what: 'no content type', headers: { 'content-type': undefined } },
    { what: 'grpc-web', headers: { 'content-type': 'application/grpc-web+proto' } },
    { what: 'GET', headers: { ':method': 'GET' } },
  ])('$what is HTTP 415', async ({ headers }) => {
    const { grpcPort } = await opened();
    const stream = begin(session(grpcPort), INFER, headers as OutgoingHttpHeaders);
    stream.end(headers[':method'] === 'GET' ? undefined : framed(MESSAGE));
    expect(await told(stream)).toMatchObject({ http: 415, status: undefined });
  });

  test('without te, in single bytes, packed or with a content type that says proto, it is answered', async () => {
    const { grpcPort } = await opened();
    const http2 = session(grpcPort);
    const bytewise = begin(http2, INFER, { te: undefined });
    for (const byte of framed(MESSAGE)) bytewise.write(Buffer.from([byte]));
    bytewise.end();
    const packed = begin(http2, INFER, { 'grpc-encoding': 'gzip', 'content-type': 'application/grpc+proto' });
    packed.end(framed(gzipSync(MESSAGE), 1));
    expect(await Promise.all([told(bytewise), told(packed)])).toMatchObject([{ status: 0 }, { status: 0 }]);
  });

  test('a method that is not there is UNIMPLEMENTED, at once and without its message', async () => {
    const { grpcPort } = await opened();
    const stream = begin(session(grpcPort), '/inference.GRPCInferenceService/ModelConfig');
    expect(await told(stream)).toMatchObject({
      http: 200,
      status: 12,
      message: expect.stringContaining('ModelConfig'),
    });
  });

  test('HTTP/1.1 on the gRPC port is told so', async () => {
    const { grpcPort } = await opened();
    const { all } = await raw(grpcPort ?? 0, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await all).toMatch(/^HTTP\/1\.1 400 [\s\S]*speaks gRPC/);
  });
});

describe('a client that is slow', () => {
  test('to say anything is hung up on (fault 39)', async () => {
    const { grpcPort } = await opened({}, '--body_timeout_seconds=1');
    for (const text of ['', 'PR']) expect(await (await raw(grpcPort ?? 0, text)).all).toBe('');
  });

  test('with its message is refused in time, and others are served meanwhile (fault 39)', async () => {
    const { grpcPort } = await opened({}, '--body_timeout_seconds=2');
    const stream = begin(session(grpcPort), INFER);
    const end = told(stream);
    stream.write(framed(Buffer.alloc(1000)).subarray(0, 5));
    const drip = setInterval(() => stream.writable && stream.write(Buffer.from([0])), 200);
    try {
      expect((await grpcClient(grpcPort).call('ModelInfer', RAW)).code).toBe(0);
      expect(await end).toMatchObject({ status: 4, message: expect.stringContaining('--body_timeout_seconds') });
    } finally {
      clearInterval(drip);
    }
  });

  test('to end a message of a stream is refused in time too (fault 39)', async () => {
    const { grpcPort } = await opened({}, '--body_timeout_seconds=1');
    const stream = begin(session(grpcPort), STREAM);
    stream.write(framed(MESSAGE).subarray(0, 7));
    expect(await told(stream)).toMatchObject({ status: 4 });
  });

  test('because it is held back is not: a message that it could not end waits with its requests', async () => {
    const calls = event<FakeCall>();
    const { grpcPort } = await opened(
      { ModelStreamInfer: (call) => calls.happened(call) },
      '--body_timeout_seconds=1',
      '--grpc_stream_requests=1',
    );
    const stream = begin(session(grpcPort), STREAM);
    stream.write(Buffer.concat([framed(MESSAGE), framed(MESSAGE), framed(MESSAGE).subarray(0, 7)]));
    const ended = told(stream);
    const early = await Promise.race([ended, calls.came.then(({ stream: at }) => sleep(2_000, at))]);
    expect(early).not.toHaveProperty('status');
    stream.close(constants.NGHTTP2_CANCEL);
    await ended;
  });

  test('with a look of more than 64 KiB is refused', async () => {
    const { grpcPort } = await opened();
    const stream = begin(session(grpcPort), INFER.replace('ModelInfer', 'ServerLive'));
    stream.end(framed(Buffer.alloc(100_000)));
    expect(await told(stream)).toMatchObject({ status: 8, message: 'the message has more than 65536 bytes' });
  });

  test('and sends nothing on a stream is left alone, but not a connection without calls', async () => {
    const { grpcPort } = await opened({}, '--timeout_keep_alive=1');
    const [busy, idle] = [session(grpcPort), session(grpcPort)];
    const stream = begin(busy, STREAM);
    await new Promise((resolve) => idle.once('close', resolve)); // `once` takes a reset for a failure
    await new Promise<void>((resolve) => busy.ping(() => resolve()));
    expect([stream.closed, busy.destroyed]).toEqual([false, false]);
  });
});

describe('a client that does not read', () => {
  const LARGE = {
    ...INT8([]),
    outputs: [{ name: 'OUT', datatype: 'INT8', shape: [8_000_000] }],
    raw_output_contents: [Buffer.alloc(8_000_000)],
  };

  test('a large answer is cut after a while, and its place is free again (fault 39)', async () => {
    const handlers = {
      ModelInfer: (call: FakeCall) => {
        call.send('ModelInferResponse', call.infer.model_name === 'm' ? LARGE : INT8([1]));
        call.end();
      },
    };
    const { grpcPort } = await opened(handlers, '--stream_idle_timeout_seconds=1', '--max_concurrent_requests=1');
    const stream = begin(session(grpcPort), INFER);
    stream.end(framed(MESSAGE));
    const cut = once(stream, 'close').then(() => stream.rstCode);
    await once(stream, 'response'); // and not a byte of it is read
    const { code } = await grpcClient(grpcPort).call('ModelInfer', { ...RAW, model_name: 'other' });
    expect(code).toBe(0);
    stream.resume();
    expect(await cut).toBe(constants.NGHTTP2_CANCEL);
  });

  test.each([
    { what: 'a small answer', path: INFER, message: MESSAGE },
    { what: 'a small answer to a look', path: INFER.replace('ModelInfer', 'ServerLive'), message: Buffer.alloc(0) },
  ])('$what is cut after a while when its client has no room for it (fault 39)', async ({ path, message }) => {
    const { grpcPort } = await opened({}, '--stream_idle_timeout_seconds=1');
    const stream = begin(session(grpcPort, { settings: { initialWindowSize: 0 } }), path);
    stream.end(framed(message));
    stream.resume();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test('a stream holds the predictor back, and is cut after a while (fault 39)', async () => {
    const [held, cancelled] = [event<number>(), event()];
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        call.stream.once('close', () => cancelled.happened());
        endless(held.happened)(call);
      },
    });
    const { grpcPort } = await gateway(port, '--stream_idle_timeout_seconds=3');
    const stream = begin(session(grpcPort), STREAM);
    stream.write(framed(MESSAGE));
    await once(stream, 'response'); // and not a byte of it is read
    expect(await held.came).toBeLessThan(50_000_000);
    await cancelled.came;
  });
});

describe('a client that goes', () => {
  test('by its connection ends its calls, also those that wait (fault 39)', async () => {
    const [reached, cancelled] = [event(), event()];
    const { grpcPort } = await opened(
      {
        ModelInfer: (call) => {
          call.stream.once('close', () => cancelled.happened());
          reached.happened();
        },
      },
      '--max_concurrent_requests=1',
    );
    const http2 = session(grpcPort);
    for (let i = 0; i < 3; i += 1) begin(http2, INFER).end(framed(MESSAGE));
    await reached.came;
    http2.destroy();
    await cancelled.came;
  });

  test('and comes back a hundred times for a message that it never ends costs nothing', async () => {
    const { grpcPort, log } = await opened({}, '--max_concurrent_requests=2', '--max_queued_requests=0');
    for (let i = 0; i < 100; i += 1) {
      const stream = begin(session(grpcPort), INFER);
      stream.write(framed(MESSAGE).subarray(0, 9));
      stream.close(constants.NGHTTP2_CANCEL);
      await once(stream, 'close');
    }
    await expect
      .poll(async () => (await grpcClient(grpcPort).call('ModelInfer', RAW)).code, { timeout: 30_000 })
      .toBe(0);
    expect(log).toEqual([]);
  });
});
