/** grpc.health.v1 on the probe port, asked by grpc-js and by the probe of our own, beside HTTP/1. */
import { connect as http2Connect } from 'node:http2';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { HealthCheckRequest, HealthCheckResponse, PATH } from '../../../src/launch/rally/schema.ts';
import { grpcHealthProbe } from '../../../src/launch/watch/probes/grpc-health.ts';
import { ending } from '../../unit/watch/fixture.ts';
import { aResident, raw } from './fixture.ts';

function aClient(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

const { encode } = HealthCheckRequest;
const { decode } = HealthCheckResponse;
const soon = () => ({ deadline: Date.now() + 30_000 });

const check = (client: Client, service: string): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(PATH.check, encode, decode, { service }, soon(), (error, reply) =>
      error ? reject(error) : resolve(reply?.status),
    );
  });

/** What a Watch says, one by one. */
function watch(
  client: Client,
  service: string,
): { next(): Promise<string | undefined>; ended: Promise<ServiceError | 'end'> } {
  const call = client.makeServerStreamRequest(PATH.watch, encode, decode, { service });
  onTestFinished(() => call.cancel());
  const said: (string | undefined)[] = [];
  const waiting: ((status: string | undefined) => void)[] = [];
  call.on('data', (reply: { status: string | undefined }) => {
    const next = waiting.shift();
    if (next) next(reply.status);
    else said.push(reply.status);
  });
  return {
    next: () => (said.length > 0 ? Promise.resolve(said.shift()) : new Promise((resolve) => waiting.push(resolve))),
    ended: new Promise((resolve) => call.once('error', resolve).once('end', () => resolve('end'))),
  };
}

test('Check follows the board, for each service and beside HTTP on the same port', async () => {
  const { port, keeper } = await aResident();
  const client = aClient(port);
  const all = () => Promise.all(['', 'ready', 'startup', 'live'].map((service) => check(client, service)));
  expect(await all()).toEqual(['NOT_SERVING', 'NOT_SERVING', 'NOT_SERVING', 'SERVING']);
  keeper.change({ on: 'phase', phase: 'ready' });
  expect(await all()).toEqual(['SERVING', 'SERVING', 'SERVING', 'SERVING']);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  keeper.change({ on: 'phase', phase: 'stopping' });
  expect(await all()).toEqual(['NOT_SERVING', 'NOT_SERVING', 'SERVING', 'SERVING']);
  await expect(check(client, 'nope')).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(check(client, '__proto__')).rejects.toMatchObject({ code: status.NOT_FOUND });
  expect(await grpcHealthProbe({ host: '127.0.0.1', port, service: 'live' }).look(AbortSignal.timeout(30_000))).toEqual(
    {
      up: true,
    },
  );
});

test('Watch says what is, then what changes, and ends with the server', async () => {
  const resident = await aResident();
  const client = aClient(resident.port);
  const ready = watch(client, 'ready');
  const unknown = watch(client, 'nope');
  expect(await ready.next()).toBe('NOT_SERVING');
  expect(await unknown.next()).toBe('SERVICE_UNKNOWN');
  resident.keeper.change({ on: 'phase', phase: 'engine' });
  resident.keeper.change({ on: 'phase', phase: 'ready' });
  expect(await ready.next()).toBe('SERVING');
  resident.keeper.change({ on: 'ended', ending: ending() });
  expect(await ready.next()).toBe('NOT_SERVING');
  await resident.close();
  expect(await ready.ended).toBe('end');
});

test('another method is UNIMPLEMENTED, a malformed request INVALID_ARGUMENT', async () => {
  const { port } = await aResident();
  const client = aClient(port);
  const call = (path: string, bytes: Buffer) =>
    new Promise((_, reject) =>
      client.makeUnaryRequest(
        path,
        () => bytes,
        decode,
        {},
        soon(),
        (error) => reject(error),
      ),
    );
  await expect(call('/grpc.health.v1.Health/List', Buffer.alloc(0))).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
  });
  await expect(call(PATH.check, Buffer.from([0xff]))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  await expect(call(PATH.check, Buffer.alloc(100_000))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  expect(await check(client, 'live')).toBe('SERVING');
});

test('more than 64 watches are refused, and a place is free when one goes', async () => {
  const { port } = await aResident();
  const sessions = Array.from({ length: 9 }, () => http2Connect(`http://127.0.0.1:${port}`));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
  });
  const open = (at: number) =>
    new Promise<string | undefined>((resolve, reject) => {
      const stream = sessions[at % 9]!.request({
        ':method': 'POST',
        ':path': PATH.watch,
        'content-type': 'application/grpc',
      });
      stream.once('response', (headers) => resolve(headers['grpc-status'] as string | undefined));
      stream.once('error', reject);
      stream.end(Buffer.alloc(5));
    });
  const statuses = await Promise.all(Array.from({ length: 72 }, (_, at) => open(at)));
  expect(statuses.filter((each) => each === undefined)).toHaveLength(64);
  expect(statuses.filter((each) => each === String(status.RESOURCE_EXHAUSTED))).toHaveLength(8);
});

test('streams that are reset at once, by the hundred, harm nobody', async () => {
  const { port } = await aResident();
  const session = http2Connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {}); // the server may cut such a peer off
  onTestFinished(() => session.destroy());
  for (let at = 0; at < 400 && !session.destroyed; at += 1) {
    const path = [PATH.check, PATH.watch, '/nope'][at % 3]!;
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.end(Buffer.alloc(at % 2 === 0 ? 5 : 3));
    if (at % 4 === 0) stream.close(8);
    if (at % 8 === 0) await new Promise((turn) => setImmediate(turn));
  }
  expect(await check(aClient(port), 'live')).toBe('SERVING');
});

test('the preface comes in pieces: it is HTTP/2 all the same', async () => {
  const { port } = await aResident();
  const socket = await raw(port);
  socket.setNoDelay(true);
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const frames = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  for (const piece of ['P', 'R', 'I * HTTP/2.0\r\n\r\n', 'SM\r\n\r\n']) {
    await new Promise((sent) => socket.write(piece, sent));
    await new Promise((turn) => setImmediate(turn));
  }
  socket.write(settings);
  expect((await frames)[3]).toBe(4); // SETTINGS
});
