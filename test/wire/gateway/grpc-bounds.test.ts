/** What a client of the gRPC side can make the gateway hold, and what an answer meets that comes too late. */
import { once } from 'node:events';
import { connect, type ServerHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcExchange } from '../../../src/gateway/grpc/exchange.ts';
import { http2Server } from '../support/servers.ts';
import { fakePredictor, gateway } from './fixture.ts';

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
