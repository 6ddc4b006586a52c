import { expect, test } from 'vitest';
import { muster } from './fixture.ts';

test.each([
  { argv: [], says: '"" is not one of startup, ready, live' },
  { argv: ['redy'], says: '"redy" is not one of' },
  { argv: ['ready', 'now'], says: '"ready now" is not one of' },
  { argv: ['ready', '--probe-port=0'], says: 'there is nothing to ask' },
  { argv: ['ready'], env: { MUSTER_PROBE_PORT: '0' }, says: 'there is nothing to ask' },
  { argv: ['ready', '--probe-port=65536'], says: '--probe-port (MUSTER_PROBE_PORT) is "65536"' },
  { argv: ['ready', '--ray'], says: '--ray' },
  { argv: ['ready', '--bogus=1'], says: '--bogus' },
  { argv: ['ready', '--ray=h:1', '--nodes=0'], says: '"0", not a number of nodes from 1' },
  { argv: ['ready', '--ray=h:1'], env: { RAY_NODE_COUNT: '2x' }, says: '(RAY_NODE_COUNT) is "2x"' },
  { argv: ['ready', '--ray=h:1', '--timeout=0'], says: '--timeout is "0", not a number of seconds' },
  { argv: ['ready', '--ray=h:1', '--timeout=5s'], says: '--timeout is "5s"' },
  { argv: ['ready', '--ray=h:1', '--timeout=99999999'], says: '--timeout is "99999999"' },
  { argv: ['ready', '--http=https://h/'], says: 'not a URL such as http://' },
  { argv: ['ready', '--http=8080'], says: '--http is "8080"' },
])('muster probe $argv → 64, $says', async ({ argv, env = {}, says }) => {
  const { status, stderr } = await muster(['probe', ...argv], env);
  expect(status).toBe(64);
  expect(stderr).toContain(says);
});

test('nobody there → 69 and one line that says so', async () => {
  // Port 1 of loopback: refused at once.
  const { status, stdout, stderr } = await muster(['probe', 'ready', '--http=http://127.0.0.1:1/x', '--timeout=5']);
  expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
  expect(stderr).toMatch(/^muster probe ready: NO, .+\n$/);
});
