/** Callbacks on real sockets: a name is as good as the addresses that it leads to, and trying has an end. */
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { deliver } from '../../../src/gateway/queue/callback.ts';
import { callbackHosts } from '../../../src/gateway/queue/callback-hosts.ts';
import { keepReply } from '../../../src/gateway/queue/job.ts';
import { freePort } from '../support/servers.ts';

const told = { id: 'j', status: 'done', reply: keepReply({ status: 200, type: 'text/plain', parts: ['x'] }) } as const;
const never = new AbortController().signal;

async function listener(...statuses: readonly number[]) {
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(statuses[asked] ?? 200).end();
    asked += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
}

const to = (port: number, list: readonly string[], signal = never) =>
  deliver(
    new URL(`http://localhost:${port}/`),
    told,
    { hosts: callbackHosts(list), secret: 'x'.repeat(16), firstPauseMs: 1 },
    signal,
  );

test('a name that is allowed and leads to this machine is not connected to', async () => {
  const { port, asked } = await listener();
  expect(await to(port, ['localhost'])).toEqual({ outcome: 'refused', attempts: 1 });
  expect(asked()).toBe(0);
});

test('it is where the network is allowed too', async () => {
  const { port, asked } = await listener(503, 429, 200);
  expect(await to(port, ['localhost', '127.0.0.0/8'])).toEqual({ outcome: 'delivered', attempts: 3 });
  expect(asked()).toBe(3);
});

test.each([301, 400, 404])('status %i is final', async (status) => {
  const { port } = await listener(status);
  expect(await to(port, ['localhost', '127.0.0.0/8'])).toEqual({ outcome: 'refused', attempts: 1 });
});

test('nobody there is tried six times', async () => {
  expect(await to(await freePort(), ['localhost', '127.0.0.0/8'])).toEqual({ outcome: 'failed', attempts: 6 });
});

test('a listener that switches protocols and hangs up has not taken it', async () => {
  const words = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n';
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(words));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await to(port, ['localhost', '127.0.0.0/8'])).toEqual({ outcome: 'failed', attempts: 6 });
});

test('a gateway that ends leaves it to another one', async () => {
  const { port } = await listener(503);
  expect(await to(port, ['localhost', '127.0.0.0/8'], AbortSignal.abort())).toBeUndefined();
});
