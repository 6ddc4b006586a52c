/** The gRPC side against HTTP/2 written frame by frame, by clients that no library would be. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { DATA, END_HEADERS, ENDS, frame, PING, PREFACE, request } from '../support/http2-frames.ts';
import { event, type FakeCall, fakePredictor, gateway, onePortGateway } from './fixture.ts';
import { grpcClient, RAW } from './grpc-client.ts';

/** One message of a call, and its end. */
const message = (bytes: Buffer): Buffer =>
  frame(DATA, { flags: 1, stream: 1, payload: Buffer.concat([Buffer.of(0, 0, 0, 0, bytes.length), bytes]) });

const GET = { ':method': 'GET', ':path': '/v2' };
const call = (path: string) => ({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
const INFER = call('/inference.GRPCInferenceService/ModelInfer');
const KINDS = [
  GET,
  INFER,
  call('/inference.GRPCInferenceService/ModelStreamInfer'),
  call('/inference.GRPCInferenceService/ServerLive'),
  call('/grpc.health.v1.Health/Watch'),
  call('/no/such'),
];
/** A stream that does not end with its connection, nor when the other end hangs up. */
async function client(port: number | undefined): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: port ?? 0, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  return socket;
}

/** Also by an error. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

test.each([
  ['on a port of its own', gateway],
  ['on one port for both', onePortGateway],
])('what ends in the packet that brought it ends nothing else, %s (fault 39)', async (_where, open) => {
  const { port } = await fakePredictor();
  const { grpcPort, log } = await open(port);
  for (const kind of KINDS)
    for (const end of ENDS) {
      const socket = await client(grpcPort);
      socket.end(Buffer.concat([PREFACE, request(kind), end]));
      await closed(socket);
    }
  expect((await grpcClient(grpcPort).call('ModelInfer', RAW)).code).toBe(0);
  expect(log).toEqual([]);
});

test.each([
  ['on a port of its own', gateway],
  ['on one port for both', onePortGateway],
])('a client that never hangs up holds up no drain, %s (fault 39)', async (_where, open) => {
  const { port } = await fakePredictor();
  const opened = await open(port, '--graceful_timeout_seconds=0.5');
  const socket = await client(opened.grpcPort);
  socket.write(PREFACE);
  await once(socket, 'data');
  await opened.drain();
});

test('a client that never hangs up is cut some time after its connection was closed for it (fault 39)', async () => {
  const { port } = await fakePredictor();
  const { grpcPort } = await gateway(port, '--timeout_keep_alive=0.5');
  const socket = await client(grpcPort);
  socket.write(PREFACE);
  await once(socket, 'end');
  const asking = setInterval(() => socket.write(frame(PING, { payload: Buffer.alloc(8) })), 100);
  await closed(socket);
  clearInterval(asking);
});

test.each([
  ['on a port of its own', gateway],
  ['on one port for both', onePortGateway],
])('a client that hangs up ends its calls at the predictor, %s (fault 39)', async (_where, open) => {
  const calls = event<FakeCall>();
  const { port } = await fakePredictor({ ModelInfer: (each) => calls.happened(each) });
  const { grpcPort } = await open(port);
  const socket = await client(grpcPort);
  const input = Buffer.concat([
    Buffer.of(10, 2),
    Buffer.from('IN'),
    Buffer.of(18, 4),
    Buffer.from('INT8'),
    Buffer.of(26, 1, 2),
  ]);
  const body = Buffer.concat([Buffer.of(10, 1, 109, 42, input.length), input, Buffer.of(58, 2, 1, 2)]);
  socket.write(Buffer.concat([PREFACE, request(INFER, END_HEADERS), message(body)]));
  const { stream } = await calls.came;
  const cancelled = new Promise((resolve) => stream.once('close', resolve));
  const from = performance.now();
  socket.end();
  await cancelled;
  expect(performance.now() - from).toBeLessThan(25_000); // and not when nobody answers the ping
});
