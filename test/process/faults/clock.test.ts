/** The wall clock jumps by an hour and back, all the time: inside of Node, and (with libfaketime) for the whole process. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type GroupOptions, type Muster, type Stage, test } from '../support/stage.ts';

const LEASE_MS = 1_000;
const JUMPER = join(import.meta.dirname, '../../fixtures/jump-the-clock.ts');

/** Debian: apt-get install faketime. */
function fakeTimeLibrary(): string | undefined {
  const folders = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime/libfaketime.so.1'));
  return folders.find(existsSync);
}

async function aGroup(
  stage: Stage,
  how: Pick<GroupOptions, 'command' | 'env' | 'serverArgs'>,
): Promise<readonly Muster[]> {
  const timing = [`--lease=${LEASE_MS / 1_000}`, '--rally-timeout=60', '--hang-timeout=60'];
  const members = await stage.group({ ...how, members: 3, options: timing });
  await Promise.all(members.map((each) => each.printed(/ready/, 60_000)));
  return members;
}

async function expectUnmoved([head, ...workers]: readonly Muster[]): Promise<void> {
  expect([head, ...workers].map((each) => each?.isOver)).toEqual([false, false, false]);
  head?.kill('SIGTERM');
  expect(await head?.ended(60_000)).toMatchObject({ status: 0 });
  for (const worker of workers)
    expect((await worker.ended(60_000)).stderr).toMatch(/head was asked to stop by SIGTERM/);
}

test('for everything in Node: the group meets, serves and ends as ever (fault 13)', async ({ stage }) => {
  const members = await aGroup(stage, {
    command: ['launch', 'model-server'],
    env: { NODE_OPTIONS: `--import=${JUMPER}` },
  });
  await Promise.all(members.slice(1).map((each) => each.said(/the whole group is ready/, 60_000)));
  for (const member of members) expect(member.stderr).toMatch(/^the clock jumps$/m);
  await new Promise((resolve) => setTimeout(resolve, 3 * LEASE_MS)); // the fault itself: 150 jumps while leases run
  await expectUnmoved(members);
});

test('for the whole process, its server too: the group meets, serves and ends as ever (fault 13)', async ({
  stage,
  skip,
}) => {
  const library = fakeTimeLibrary();
  if (library === undefined) skip('there is no libfaketime: apt-get install faketime');
  const file = join(stage.directory(), 'offset');
  const jump = (to: string) => {
    writeFileSync(`${file}.new`, to);
    renameSync(`${file}.new`, file); // a half-written one would end whoever reads it
  };
  jump('+1h');
  const fake = { LD_PRELOAD: library ?? '', FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' };
  const env = { ...fake, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  // No sleep(1) and no Python: under this library both fail with EINVAL.
  const server = ['sh', '-c', 'trap "exit 0" TERM; echo ready; tail -f /dev/null & wait'];
  const members = await aGroup(stage, { command: ['run', '--engine=native'], serverArgs: server, env });
  for (const to of ['-1h', '+1h', '-1h', '+1h', '-1h']) {
    jump(to);
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2)); // the fault itself
  }
  await expectUnmoved(members);
});
