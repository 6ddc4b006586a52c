/** A worker of the server is killed by the kernel, in a memory cgroup of its own (version 1 or 2); making one needs root. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect } from 'vitest';
import { aMeeting, BIN, expectEnd, test } from '../support/stage.ts';

const LIMIT_BYTES = 400 * 1024 * 1024;
const VERSION_1 = '/sys/fs/cgroup/memory';
const VERSION_2 = '/sys/fs/cgroup';

/** @returns its directory; throws where this machine does not let us */
function aCgroup(name: string): string {
  const first = existsSync(VERSION_1);
  const directory = join(first ? VERSION_1 : VERSION_2, name);
  mkdirSync(directory);
  try {
    writeFileSync(join(directory, first ? 'memory.limit_in_bytes' : 'memory.max'), `${LIMIT_BYTES}`);
    return directory;
  } catch (error) {
    rmdirSync(directory);
    throw error;
  }
}

let cgroup = '';
beforeEach(({ skip, onTestFinished }) => {
  if (process.getuid?.() !== 0) skip('a memory cgroup needs root');
  if (Number(/^SwapTotal: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) > 0)
    skip('with swap the limit would only make it slow');
  try {
    cgroup = aCgroup(`muster-test-${process.pid}`);
  } catch (error) {
    skip(`no memory cgroup can be made here: ${error}`);
  }
  onTestFinished(() => rmdirSync(cgroup));
});

test('a worker’s server loses its child to the memory limit: 137 there, 79 at the head, both say oom_kill (fault 33)', async ({
  stage,
}) => {
  const group = {
    command: ['launch', 'model-server'],
    members: 2,
    meeting: await aMeeting(),
    serverArgs: ['--swell', '--only=1'],
  };
  const head = stage.member(0, group);
  const enter = ['sh', '-c', `echo $$ > ${cgroup}/cgroup.procs && exec "$@"`, 'sh'] as const;
  const { serverArgs, ...rest } = group;
  const worker = stage.member(1, { ...rest, program: [...enter, process.execPath, BIN] });
  const says =
    /worker-1 was ended by signal 9.*; the kernel had killed a process of worker-1 for want of memory \(oom_kill in \/.*\)/;
  expectEnd(await worker.ended(60_000), { status: 137, code: 'SERVER_EXITED', says });
  const told = await head.ended(60_000);
  expectEnd(told, { status: 79, code: 'SERVER_EXITED', says });
  expect(told.stdout.toString()).toBe('ready\nbye\n');
});
