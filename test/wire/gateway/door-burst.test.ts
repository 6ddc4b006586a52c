/** Clients that all come at once, while the gateway has no time to take them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fakePredictor, gateway } from './fixture.ts';

const CLIENTS = 1_000;
const kernelsMost = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));

/** All connected: 0. */
const CONNECT = `let connected = 0;
for (let at = 0; at < ${CLIENTS}; at += 1)
  require('node:net').connect({ host: '127.0.0.1', port: Number(process.argv[1]) }, () => {
    connected += 1;
    if (connected === ${CLIENTS}) process.exit(0);
  }).on('error', () => process.exit(2));`;

test.skipIf(kernelsMost < CLIENTS)('a thousand connections stand before one of them is taken', async () => {
  const { port } = await fakePredictor();
  const { port: http } = await gateway(port);
  // This process does nothing else meanwhile: the kernel alone holds them.
  const { status, signal } = spawnSync(process.execPath, ['-e', CONNECT, String(http)], { timeout: 30_000 });
  expect({ status, signal }).toEqual({ status: 0, signal: null });
});
