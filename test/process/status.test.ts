/** `muster status` beside a real group of two on loopback: waiting, ready, watched, gone. */
import { expect } from 'vitest';
import { aMeeting, type GroupOptions, inTime, test } from './support/stage.ts';

test('a group of two is shown while it gathers, while it serves, and is missed when it is gone', async ({ stage }) => {
  const meeting = await aMeeting();
  const group: GroupOptions = {
    command: ['launch', 'model-server'],
    members: 2,
    meeting,
    options: ['--grace=2', '--progress=0.2', '--probe-port=0'],
  };
  const at = ['status', '--rally', `127.0.0.1:${meeting.rally}`];
  const head = stage.member(0, group);
  await head.said(/waiting/);
  const gathering = await stage.run(at);
  expect(gathering.status).toBe(75);
  expect(gathering.stdout.toString()).toMatch(
    /^NOT READY .*\nMEMBER .*\nhead +0 .*\nawaited: waiting .* missing: rank 1/,
  );

  const worker = stage.member(1, group);
  await head.said(/ready after/);
  // Found by the environment that a pod has, and as JSON.
  const env = { MUSTER_HEAD_ADDRESS: '127.0.0.1', MUSTER_RALLY_PORT: String(meeting.rally) };
  const served = await stage.run(['status', '--json'], { env });
  expect(served.status).toBe(0);
  expect(JSON.parse(served.stdout.toString())).toMatchObject({
    ready: true,
    generation: 1,
    worldSize: 2,
    phase: 'ready',
    members: [
      { rank: 0, phase: 'ready' },
      { rank: 1, phase: 'serving', connected: true },
    ],
    refused: [],
  });

  const watching = stage.start([...at, '--watch']);
  await watching.printed(/^READY .*\nMEMBER .*\n.* 0 .*\n.* 1 .*\n/m);
  watching.kill('SIGINT');
  expect((await watching.ended()).status).toBe(130);

  head.kill('SIGTERM');
  worker.kill('SIGTERM');
  await inTime(Promise.all([head.ended(), worker.ended()]), 30_000, () => head.stderr);
  const gone = await stage.run(at);
  expect(gone).toMatchObject({ status: 69, stderr: expect.stringContaining('HEAD_UNREACHABLE') });
});
