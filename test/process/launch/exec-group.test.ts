/** Takeover exec with several members: the rally has met, and then nothing of muster is left on any of them. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { noRay } from '../support/ray.ts';
import { aMeeting, BIN, expectEnd, type Meeting, type Muster, type Stage, test } from '../support/stage.ts';

const commandLine = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');

/** What a command of `run` is told of its place. */
const PLACE = 'sleep 600 & trap "kill $!; exit 5" TERM; echo "$$ $RANK $WORLD_SIZE $MASTER_ADDR $MASTER_PORT"; wait';

describe('native', () => {
  async function aGroup(stage: Stage, members: number): Promise<{ all: readonly Muster[]; meeting: Meeting }> {
    const meeting = await aMeeting();
    const serverArgs = ['sh', '-c', PLACE];
    return {
      all: await stage.group({ command: ['run'], members, meeting, options: ['--takeover=exec'], serverArgs }),
      meeting,
    };
  }

  test('every member becomes its command, same PID, and knows its place', async ({ stage }) => {
    const { all, meeting } = await aGroup(stage, 3);
    for (const [rank, member] of all.entries()) {
      await member.printed(new RegExp(`^${member.pid} ${rank} 3 127\\.0\\.0\\.1 ${meeting.engine}\n`));
      expect(commandLine(member.pid)).toMatch(/^\S*sh -c /);
      expect(commandLine(member.pid)).not.toContain(BIN);
    }
    expect(await stage.find(/dist\/bin\.js/)).toEqual([]);
    for (const member of all) member.kill('SIGTERM');
    expect((await Promise.all(all.map((member) => member.ended()))).map(({ status }) => status)).toEqual([5, 5, 5]);
  });

  test('its end is its own: nobody watches the group any more', async ({ stage }) => {
    const { all } = await aGroup(stage, 2);
    await Promise.all(all.map((member) => member.printed(/127\.0\.0\.1/)));
    const [head, worker] = all;
    head!.kill('SIGKILL');
    await head!.ended();
    await stage.kill(/sleep 600/);
    await worker!.ended();
  });

  test('a worker without args becomes the head’s command of the catalogue', async ({ stage }) => {
    const meeting = await aMeeting();
    const group = { command: ['launch', 'model-server'], members: 2, meeting, options: ['--takeover=exec'] };
    const all = [stage.member(0, { ...group, serverArgs: ['--on-term=4', '--x=a b'] }), stage.member(1, group)];
    for (const [rank, member] of all.entries()) {
      await member.printed(/ready/);
      expect(commandLine(member.pid)).toContain(`--port=${meeting.http} --rank=${rank} --on-term=4 --x=a b`);
      member.kill('SIGTERM');
      expect((await member.ended()).status).toBe(4);
    }
  });

  test('a binary that is missing is still refused on all, for it is looked for before the leap', async ({ stage }) => {
    const options = ['--takeover=exec'];
    const all = await stage.group({ command: ['launch', 'missing-binary'], members: 2, options });
    for (const member of all) expectEnd(await member.ended(), { status: 127, code: 'NOT_FOUND' });
  });

  test('members that differ in their takeover refuse each other', async ({ stage }) => {
    const meeting = await aMeeting();
    const group = { command: ['launch', 'model-server'], members: 2, meeting };
    const head = stage.member(0, { ...group, options: ['--takeover=exec'] });
    const worker = await stage.member(1, group).ended();
    expectEnd(worker, { status: 78, code: 'PLAN_MISMATCH', says: /takeover: head "exec", worker-1 "supervise"/ });
    head.kill('SIGTERM');
    expect((await head.ended()).status).toBe(143);
  });
});

describe.skipIf(noRay)(`ray ${noRay ?? ''}`, () => {
  /** Asks the cluster it finds by RAY_ADDRESS who is alive, then stays until it is told to go. */
  const COUNT = [
    'import os, ray, signal, time',
    'ray.init(log_to_driver=False)',
    'signal.signal(signal.SIGTERM, lambda *_: os._exit(6))',
    "print('alive', sum(node['Alive'] for node in ray.nodes()), os.getpid(), flush=True)",
    'while True: time.sleep(0.1)',
  ].join('\n');

  test('the head becomes its command, the worker becomes ray start --block, and the cluster has both', async ({
    stage,
  }) => {
    const [head, worker] = await stage.group({
      command: ['run'],
      members: 2,
      options: [
        '--engine=ray',
        '--takeover=exec',
        '--engine-arg=--object-store-memory=100000000',
        '--engine-arg=--num-cpus=1',
        '--engine-arg=--min-worker-port=0',
        '--engine-arg=--max-worker-port=0',
      ],
      own: stage.rayDirectories(),
      serverArgs: ['python3', '-c', COUNT],
    });
    await head.printed(new RegExp(`alive 2 ${head.pid}`), 60_000);
    expect(commandLine(head.pid)).toMatch(/^\S*python3 -c /);
    expect(commandLine(worker!.pid)).toMatch(
      /\/ray start --address=127\.0\.0\.1:\d+ .*--node-name=worker-1-[0-9a-f]{16} .*--block/,
    );
    expect(await stage.find(/dist\/bin\.js/)).toEqual([]);

    head.kill('SIGTERM');
    expect((await head.ended()).status).toBe(6);
    // The head's Ray stays in the background, as it does under exec: in a container it ends with PID 1.
    expect((await stage.find(/\/gcs_server/)).length).toBe(1);
    worker!.kill('SIGTERM');
    await worker!.ended();
    await stage.sweep();
  });
});
