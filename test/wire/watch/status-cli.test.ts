/** `muster status` asked of a real rally and of a resident server. */
import { expect, test } from 'vitest';
import type { World } from '../../../src/world.ts';
import { muster } from '../../unit/cli/fixture.ts';
import { aHead, aMember } from '../rally/fixture.ts';
import { aResident } from './fixture.ts';

test('a rally that gathers: not ready, 75, and who is awaited', async () => {
  const head = await aHead({ worldSize: 3 });
  await aMember('worker-1', head.port).seated;
  const { status, stdout, stderr } = await muster(['status', '--rally', `127.0.0.1:${head.port}`]);
  expect({ status, stderr }).toEqual({ status: 75, stderr: '' });
  const [title, columns, ...rows] = stdout.trimEnd().split('\n');
  expect(title).toMatch(/^NOT READY {2}group of 3, generation 1, head at joined {2}\(127\.0\.0\.1:\d+, up [\d.]+ s\)$/);
  expect(columns).toMatch(/^MEMBER +RANK +PHASE +SINCE +LAST BEAT +ADDRESS +INCARNATION$/);
  expect(rows[0]).toMatch(/^head +0 +joined +[\d.]+ s +- +127\.0\.0\.1 +\w+$/);
  expect(rows[1]).toMatch(/^worker-1 +1 +joined +[\d.]+ s +[\d.]+ s ago +127\.0\.0\.1 +\w+$/);
  expect(rows[2]).toMatch(/^awaited: waiting .* 1 of 3 members missing: rank 2/);
});

test('found as a launch would find it; ready once the head says so: 0', async () => {
  const head = await aHead({ worldSize: 2 });
  const worker = aMember('worker-1', head.port);
  const peers = await head.assembled;
  head.start({ peers, serverArgs: [], values: {} });
  await worker.started;
  head.report('ready');
  const env = { MUSTER_HEAD_ADDRESS: '127.0.0.1', MUSTER_RALLY_PORT: String(head.port) };
  const { status, stdout } = await muster(['status', '--json'], env);
  expect(status).toBe(0);
  expect(stdout.trimEnd()).not.toContain('\n');
  expect(JSON.parse(stdout)).toMatchObject({
    ready: true,
    worldSize: 2,
    members: [{ member: 'head' }, { member: 'worker-1' }],
  });
});

test('a member that is refused is shown', async () => {
  const head = await aHead({ worldSize: 2 });
  await expect(aMember('stranger', head.port, { token: 'another token of 16 bytes' }).seated).rejects.toBeDefined();
  const { stdout } = await muster(['status', '--rally', `127.0.0.1:${head.port}`]);
  expect(stdout).toMatch(/^refused: .*stranger.* ago: TOKEN_WRONG /m);
});

test('--probe asks one member', async () => {
  const { port, keeper } = await aResident();
  keeper.change({ on: 'generation', generation: 1 });
  const ask = () => muster(['status', '--probe', `127.0.0.1:${port}`]);
  expect(await ask()).toMatchObject({
    status: 75,
    stdout: expect.stringMatching(
      /^NOT READY {2}group of 3, generation 1, head not heard .*\nawaited: the head is at joining\n$/,
    ),
  });
  keeper.change({ on: 'phase', phase: 'ready' });
  expect(await ask()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^READY {2}.* head at ready/) });
});

test.each([
  {
    argv: ['--rally', '127.0.0.1:1'],
    status: 69,
    says: 'HEAD_UNREACHABLE the rally at 127.0.0.1:1 cannot be asked: tcp:',
  },
  {
    argv: ['--probe', '127.0.0.1:1'],
    status: 69,
    says: 'HEAD_UNREACHABLE the member at 127.0.0.1:1 cannot be asked: tcp:',
  },
  { argv: ['--rally', 'nowhere'], status: 64, says: 'USAGE --rally: "nowhere" is not host:port' },
  { argv: ['--bogus'], status: 64, says: "USAGE Unknown option '--bogus'" },
  { argv: ['now'], status: 64, says: 'USAGE Unexpected argument' },
])('muster status $argv → $status', async ({ argv, status, says }) => {
  const answer = await muster(['status', ...argv]);
  expect(answer).toMatchObject({ status, stdout: '' });
  expect(answer.stderr).toContain(says);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '--watch shows frames until %s, also of a head that is not there',
  async (name) => {
    const frames: string[] = [];
    const stop = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
    const world: Partial<World> = {
      stdout: (text) => void frames.push(text),
      onSignal: (handler) => {
        stop.resolve(handler);
        return () => {};
      },
    };
    const over = muster(['status', '--watch', '--rally', '127.0.0.1:1'], {}, world);
    const handler = await stop.promise;
    await expect.poll(() => frames.length, { timeout: 30_000 }).toBeGreaterThan(0);
    handler(name);
    expect((await over).status).toBe(name === 'SIGINT' ? 130 : 143);
    expect(frames[0]).toMatch(/^UNREACHABLE {2}the rally at 127\.0\.0\.1:1 cannot be asked/);
  },
);
