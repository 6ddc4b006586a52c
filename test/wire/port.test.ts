import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { portFree } from '../../src/wire/port.ts';
import { freePort, tcpServer } from './support/servers.ts';

describe('portFree', () => {
  test('true when nobody has it, and it is free again afterwards', async () => {
    const port = await freePort();
    await expect(portFree('127.0.0.1', port)).resolves.toBe(true);
    await expect(portFree('127.0.0.1', port)).resolves.toBe(true);
  });

  test.each(['127.0.0.1', '0.0.0.0', '::'])(
    'names the owner of a taken port, asked for %s (fault 28)',
    async (host) => {
      const port = await tcpServer();
      await expect(portFree(host, port)).resolves.toEqual({
        why: 'in-use',
        owner: { pid: process.pid, command: expect.stringContaining('node') },
      });
    },
  );

  test('a listener on :: takes 127.0.0.1 too', async () => {
    const server = createServer().listen(0, '::');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await expect(portFree('127.0.0.1', port)).resolves.toMatchObject({ why: 'in-use', owner: { pid: process.pid } });
  });

  test('an address this machine has not', async () => {
    await expect(portFree('192.0.2.199', 1234)).resolves.toEqual({ why: 'address-unavailable' });
  });
});
