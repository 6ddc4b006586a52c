/** `muster probe` without --ray and --http: one question to the muster of this machine. */
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { muster } from '../../unit/cli/fixture.ts';
import { aResident } from './fixture.ts';

test('each question has its route; 0 is yes, 69 is no and why', async () => {
  const { port, keeper } = await aResident();
  const ask = (what: string) => muster(['probe', what, `--probe-port=${port}`]);
  const at = `127.0.0.1:${port}`;
  expect(await ask('live')).toEqual({
    status: 0,
    stdout: '',
    stderr: `muster probe live: yes, ${at}/livez says: ok\n`,
  });
  expect(await ask('ready')).toEqual({
    status: 69,
    stdout: '',
    stderr: `muster probe ready: NO, ${at}/readyz says: the head is at joining\n`,
  });
  keeper.change({ on: 'phase', phase: 'ready' });
  keeper.change({ on: 'phase', phase: 'stopping' });
  expect((await ask('startup')).stderr).toBe(`muster probe startup: yes, ${at}/startupz says: ok\n`);
  expect((await muster(['probe', 'ready'], { MUSTER_PROBE_PORT: String(port) })).status).toBe(69);
});

test('nobody is there: NO, or Ray is asked where one is named', async () => {
  const { port, close } = await aResident();
  await close();
  const argv = ['probe', 'live', `--probe-port=${port}`];
  expect(await muster(argv)).toMatchObject({
    status: 69,
    stderr: expect.stringContaining(`nobody listens on 127.0.0.1:${port}`),
  });
  const byRay = await muster(argv, { RAY_ADDRESS: '127.0.0.1:1' });
  expect(byRay).toMatchObject({ status: 69, stderr: expect.stringContaining('127.0.0.1:1') });
});

test.each([
  { who: 'says nothing', does: '', says: 'no answer from 127.0.0.1:', timeout: '0.5' },
  {
    who: 'speaks another protocol',
    does: '220 mail.example ready\r\n',
    says: 'answers, but not in HTTP',
    timeout: '30',
  },
  {
    who: 'is another HTTP server',
    does: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
    says: 'says: HTTP 404',
    timeout: '30',
  },
])('somebody is there who $who: NO, in time', async ({ does, says, timeout }) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (does !== '') socket.end(does);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const answer = await muster(['probe', 'ready', `--probe-port=${port}`, `--timeout=${timeout}`]);
  expect(answer).toMatchObject({ status: 69, stderr: expect.stringContaining(says) });
});
