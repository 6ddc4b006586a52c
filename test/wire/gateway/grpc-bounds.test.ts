/** What a client of the gRPC side can make the gateway hold, and what an answer meets that comes too late. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, constants, type ServerHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcExchange } from '../../../src/gateway/grpc/exchange.ts';
import { MAX_WATCHES } from '../../../src/gateway/grpc/health.ts';
import { Incoming } from '../../../src/gateway/grpc/incoming.ts';
import { http2Server } from '../support/servers.ts';
import { event, type FakeCall, fakePredictor, gateway, INT8 } from './fixture.ts';
import { grpcClient, healthClient, RAW } from './grpc-client.ts';

const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';
const CALL = { ':method': 'POST', ':path': STREAM, 'content-type': 'application/grpc', te: 'trailers' };

test('a client of a stream that sends nonsense and reads no answer is not read either (fault 39)', async () => {
  const { port } = await fakePredictor();
  const { grpcPort } = await gateway(port);
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  const stream = session.request(CALL);
  stream.on('error', () => {});
  await once(session, 'remoteSettings');
  // ModelInferRequest of `m` without inputs: its long id comes back with the error.
  const id = Buffer.alloc(16_000, 'x');
  const message = Buffer.concat([Buffer.of(10, 1, 109, 26, 0x80, 0x7d), id]);
  const framed = Buffer.concat([Buffer.of(0, 0, 0, message.length >> 8, message.length & 255), message]);
  let sent = 0;
  while (sent < 50_000_000) {
    sent += framed.length;
    if (stream.write(framed)) continue;
    const held = sleep(1_000, 'held');
    if ((await Promise.race([once(stream, 'drain'), held])) === 'held') break;
  }
  expect(sent).toBeLessThan(20_000_000);
});

/** Half a message of 16 MB on each of many streams of one connection. @returns the bytes that the gateway has taken */
async function begun(port: number | undefined, streams: number): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  const part = Buffer.alloc(64 * 1024);
  let taken = 0;
  const pump = async () => {
    const stream = session.request(CALL);
    stream.on('error', () => {});
    stream.write(Buffer.of(0, 1, 0, 0, 0)); // 16 MiB
    for (let sent = 0; sent < 8_000_000; sent += part.length) {
      const written = new Promise((resolve) => stream.write(part, () => resolve('written')));
      if ((await Promise.race([written, sleep(3_000, 'held')])) === 'held') break;
      taken += part.length;
    }
  };
  await Promise.all(Array.from({ length: streams }, pump));
  return taken;
}

test('of messages of streams that wait for their place only a window is taken (fault 39)', async () => {
  const { port } = await fakePredictor();
  const { grpcPort } = await gateway(port, '--max_concurrent_requests=1');
  expect(await begun(grpcPort, 20)).toBeLessThan(8_000_000 + 19 * 2_000_000);
});

test.each([
  { who: 'whose stream is ended for what it says', waits: false },
  { who: 'that ends a stream whose request waits for its place', waits: true },
])('a client $who gets all of its connection back (fault 39)', async ({ waits }) => {
  const held = event<FakeCall>();
  const { port } = await fakePredictor({ ModelInfer: held.happened });
  const { grpcPort } = await gateway(port, '--max_concurrent_requests=1', '--timeout_keep_alive=1');
  if (waits) grpcClient(grpcPort).begin('ModelInfer', RAW);
  if (waits) await held.came;
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  onTestFinished(() => session.destroy());
  const closed = new Promise((resolve) => session.once('close', resolve));
  // More of these than the window of a connection holds.
  for (let i = 0; i < 12; i += 1) {
    const stream = session.request(CALL).resume();
    const told = once(stream, 'end');
    stream.write(Buffer.of(0, 0, 0, 0, 2, 255, 255)); // no protobuf
    await new Promise((resolve) => stream.write(Buffer.alloc(900_000), resolve));
    await (waits || told);
    stream.close(constants.NGHTTP2_NO_ERROR);
    await once(stream, 'close');
  }
  await closed; // as one without a call
});

test('a request on a stream that is not let in is refused by its id, and the stream goes on', async () => {
  const first = event<FakeCall>();
  const { port } = await fakePredictor({ ModelStreamInfer: first.happened });
  const { grpcPort } = await gateway(port, '--max_concurrent_requests=1', '--max_queued_requests=0');
  const stream = grpcClient(grpcPort).stream('ModelStreamInfer');
  stream.say({ ...RAW, id: 'one' });
  const call = await first.came;
  const inputs = [{ name: 'IN', datatype: 'INT8', shape: [300_000] }];
  stream.say({ ...RAW, id: 'two', inputs, raw_input_contents: [Buffer.alloc(300_000)] }).say({ ...RAW, id: 'three' });
  for (const id of ['two', 'three'])
    expect(await stream.next()).toMatchObject({
      error_message: '1 requests are under way and 0 wait',
      infer_response: { model_name: 'm', id, parameters: { triton_final_response: { bool_param: true } } },
    });
  call.send('ModelStreamInferResponse', { infer_response: { ...INT8([1]), id: 'one' } });
  expect(await stream.next()).toMatchObject({ infer_response: { id: 'one' } });
});

/** Messages of a client whose first bytes may be looked at, and how it frames what it packs. */
async function incomingOf({ encoding, pack }: { encoding: string; pack: (bytes: Buffer) => Buffer }) {
  const { promise, resolve } = Promise.withResolvers<ServerHttp2Stream>();
  const { port } = await http2Server((server) => server.on('stream', resolve));
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const asked = session.request(CALL);
  asked.on('error', () => {});
  const incoming = new Incoming({ stream: await promise, encoding, maxBytes: 1e6, messageMs: 60_000 });
  const framed = (text: Buffer) => {
    const body = pack(text);
    const head = Buffer.of(encoding === 'identity' ? 0 : 1, 0, 0, 0, 0);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  };
  return { asked, incoming, framed };
}

test.each([
  { encoding: 'identity', pack: (bytes: Buffer) => bytes },
  { encoding: 'gzip', pack: (bytes: Buffer) => gzipSync(bytes) },
  { encoding: 'deflate', pack: (bytes: Buffer) => deflateSync(bytes) },
])('of a message ($encoding) that passes unread its first bytes are kept, of the next one all', async (how) => {
  const { asked, incoming, framed } = await incomingOf(how);
  const large = randomBytes(400_000);
  const both = Buffer.concat([framed(large), framed(Buffer.from('next'))]);
  asked.write(both.subarray(0, 3)); // within the head
  expect(await incoming.more()).toBe(true);
  asked.end(both.subarray(3));
  const first = await incoming.skip(1_000);
  expect(first.length).toBeGreaterThan(900);
  expect(first.length).toBeLessThan(1_001);
  expect(large.subarray(0, first.length).equals(first)).toBe(true);
  expect([await incoming.more(), String(await incoming.next()), await incoming.more()]).toEqual([true, 'next', false]);
});

test.each([
  { encoding: 'gzip', pack: (bytes: Buffer) => gzipSync(bytes) },
  { encoding: 'deflate', pack: (bytes: Buffer) => deflateSync(bytes) },
])('few bytes ($encoding) that unpack to many are few when they pass unread (fault 39)', async (how) => {
  const { asked, incoming, framed } = await incomingOf(how);
  asked.write(framed(Buffer.alloc(900_000, 'm')));
  expect(await incoming.more()).toBe(true);
  expect(await incoming.skip(1_000)).toEqual(Buffer.alloc(1_000, 'm'));
});

test.each([
  { method: 'ModelMetadata', request: { name: 'm' } },
  { method: 'ModelReady', request: { name: 'm' } },
  { method: 'ServerMetadata', request: {} },
])('a hundred looks by $method that come together are few at the predictor (fault 39)', async ({ method, request }) => {
  let asked = 0;
  const { port } = await fakePredictor({
    [method]: (call) => {
      asked += 1;
      call.send(`${method}Response`, method === 'ModelReady' ? { ready: true } : { name: 'm' });
      call.end();
    },
  });
  const { grpcPort } = await gateway(port);
  const client = grpcClient(grpcPort);
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => client.call(method, request)));
  expect(outcomes.map(({ code }) => code)).toEqual(Array(100).fill(0));
  expect(asked).toBeLessThan(20); // one, and another for each second that it takes
});

test('so many calls of Watch are open at once, and then none more until one ends (fault 39)', async () => {
  const { port } = await fakePredictor();
  const { grpcPort } = await gateway(port);
  const client = () => healthClient(grpcPort);
  const clients = Array.from({ length: 4 }, client);
  const watches = Array.from({ length: MAX_WATCHES }, (_, i) => clients[i % clients.length]!.watch('Watch', {}));
  // Whichever it is: on a busy machine the look may not be answered in time.
  const told = { status: expect.any(Number) };
  for (const each of watches) expect(await each.next()).toEqual(told);
  const more = client().watch('Watch', {});
  expect(await more.rest()).toEqual([]);
  expect(await more.status).toMatchObject({
    code: 8,
    details: expect.stringContaining(`${MAX_WATCHES} calls of Watch`),
  });
  expect((await client().call('Check', {})).answer).toEqual(told);
  watches[0]!.call.cancel();
  const again = async () => {
    const watch = client().watch('Watch', {});
    return (await watch.next()) ?? (await watch.status).code;
  };
  await expect.poll(again, { timeout: 60_000 }).toEqual(told);
}, 300_000);

test('a name that no model can have is nobody to watch', async () => {
  const { port } = await fakePredictor();
  const { grpcPort } = await gateway(port);
  const health = healthClient(grpcPort);
  expect((await health.call('Check', { service: 'm'.repeat(2_000) })).code).toBe(5);
  expect(await health.watch('Watch', { service: 'm'.repeat(2_000) }).next()).toEqual({ status: 3 });
});

test('a large answer to a client that is gone is no bug', async () => {
  const { promise, resolve } = Promise.withResolvers<ServerHttp2Stream>();
  const { port } = await http2Server((server) => server.on('stream', resolve));
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  session.request(CALL).on('error', () => {});
  const stream = await promise;
  const limits = { maxReceiveBytes: 1e9, maxSendBytes: 1e9, messageMs: 60_000, idleMs: 60_000 };
  const closing = new AbortController().signal;
  const exchange = new GrpcExchange({ stream, headers: {}, address: '', limits, closing });
  session.destroy();
  await once(exchange.gone, 'abort');
  await expect(exchange.answer([Buffer.alloc(2_000_000)])).rejects.toMatchObject({ status: 499 });
});
