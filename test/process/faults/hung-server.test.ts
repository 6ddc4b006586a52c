/** A server that is stopped in its tracks: the kernel goes on accepting its connections, and nobody answers them. */
import { expect } from 'vitest';
import { expectEnd, freePorts, RUNTIMES, test } from '../support/stage.ts';

test('a server that accepts and never answers is not ready, then ended: 81 (fault 32)', async ({ stage }) => {
  const [port, probes] = await freePorts(2);
  const argv = [
    '--takeover=supervise',
    `--server-port=${port}`,
    `--runtimes=${RUNTIMES}`,
    '--hang-timeout=3',
    '--grace=1',
  ];
  const muster = stage.start(['launch', 'model-server', ...argv], { env: { MUSTER_PROBE_PORT: `${probes}` } });
  await muster.said(/ready after/);
  const ready = async () => (await fetch(`http://127.0.0.1:${probes}/readyz`)).status;
  expect(await ready()).toBe(200);
  const [server, ...others] = (await stage.find(/model-server/)).filter((pid) => pid !== muster.pid);
  expect(others).toEqual([]);
  process.kill(server!, 'SIGSTOP');
  await muster.said(/not ready|does not answer|not answered/i);
  expect(await ready()).toBe(503);
  expectEnd(await muster.ended(), { status: 81, code: 'SERVER_UNHEALTHY', says: /model-server/ });
});
