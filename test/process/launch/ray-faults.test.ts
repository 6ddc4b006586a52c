/** What goes wrong with Ray: said in Ray's words, on every member, and no process of it is left. */
import { createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { noRay } from '../support/ray.ts';
import { aMeeting, expectEnd, type GroupOptions, PATH, type Stage, test } from '../support/stage.ts';

/** Without the venv's `ray`. */
const NO_RAY = { PATH: PATH.split(':').slice(1).join(':') };
/** Milliseconds for a refusal that starts nothing. */
const AT_ONCE_MS = 12_000;
/** Milliseconds for a Ray that still starts to be gone. */
const STOPPED_MS = 20_000;
/** Milliseconds for `ray start` to fail, and all of Ray to be gone. */
const RAY_MS = 90_000;

async function aPlace(stage: Stage, members = 2): Promise<GroupOptions> {
  return { command: ['launch', 'demo'], members, meeting: await aMeeting(), own: stage.rayDirectories() };
}

describe.skipIf(noRay)(`Ray ${noRay ?? ''}`, () => {
  test('its port is taken: 78 at once, with the port and the process; Ray would need 41 s (fault 35)', async ({
    stage,
    onTestFinished,
  }) => {
    const place = await aPlace(stage);
    const other = createServer().listen(place.meeting!.engine, '0.0.0.0');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const started = performance.now();
    const ended = await stage.member(0, place).ended();
    expectEnd(ended, {
      status: 78,
      code: 'PORT_TAKEN',
      says: new RegExp(
        `the port of Ray's GCS, ${place.meeting!.engine} \\(flag --engine-port\\), is taken by process ${process.pid}: `,
      ),
    });
    expect(ended.at - started).toBeLessThan(AT_ONCE_MS);
  });

  test('it is not installed on the head: 127 there at once, and the worker is told', async ({ stage }) => {
    const place = await aPlace(stage);
    const started = performance.now();
    const worker = stage.member(1, { ...place, options: ['--progress=0.1'] });
    await worker.said(/waiting .* for the head/);
    const head = stage.member(0, { ...place, env: NO_RAY });
    const says = /there is no `ray` on PATH \(.*\)\. → .*--engine native/;
    expectEnd(await head.ended(), { status: 127, code: 'NOT_FOUND', says });
    worker.kill('SIGTERM'); // the head may be gone before they have met: then it waits for the next one
    expect([127, 143]).toContain((await worker.ended()).status);
    expect(performance.now() - started).toBeLessThan(3 * AT_ONCE_MS);
  });

  test('it is not installed on the worker: 127 on both, and Ray of the head is gone', async ({ stage }) => {
    const place = await aPlace(stage);
    const head = stage.member(0, place);
    const worker = stage.member(1, { ...place, env: NO_RAY });
    const [first, last] = [await worker.ended(RAY_MS), await head.ended(RAY_MS)];
    for (const ended of [first, last])
      expectEnd(ended, { status: 127, code: 'NOT_FOUND', says: /there is no `ray` on PATH/ });
    expect(last.at - first.at).toBeLessThan(STOPPED_MS);
  });

  test.for([
    {
      when: 'the object store is too small',
      arg: '--object-store-memory=1000',
      says: /memory usage at 1000 bytes, but the minimum allowed is \d+ bytes/,
    },
    { when: 'an option is unknown', arg: '--no-such-option', says: /No such option:? '?--no-such-option/ },
  ])('`ray start` of the head fails because $when: 79 on both, in Ray’s words', async ({ arg, says }, { stage }) => {
    const place = await aPlace(stage);
    const head = stage.member(0, { ...place, options: [`--engine-arg=${arg}`] });
    const worker = stage.member(1, place);
    for (const member of [head, worker]) {
      const ended = await member.ended(RAY_MS);
      expectEnd(ended, { status: 79, code: 'ENGINE_START_FAILED', says: /ray start failed \(status \d+\): / });
      expect(ended.stderr).toMatch(says);
    }
  });

  test('`ray start` of the worker fails: 79 on both, in Ray’s words', async ({ stage }) => {
    const place = await aPlace(stage);
    const head = stage.member(0, place);
    const worker = stage.member(1, {
      ...place,
      options: ['--engine-arg=--object-store-memory=1000'],
    });
    for (const member of [worker, head]) {
      const ended = await member.ended(RAY_MS);
      expectEnd(ended, { status: 79, code: 'ENGINE_START_FAILED', says: /but the minimum allowed is \d+ bytes/ });
    }
  });

  test.for([
    { who: 'the head', rank: 0, until: 'has just begun' },
    { who: 'the head', rank: 0, until: 'has its GCS' },
    { who: 'the worker', rank: 1, until: 'has just begun' },
  ])(
    'SIGTERM to $who while its Ray starts and $until: 143 there, 79 on the other, and no Ray is left',
    async (row, { stage }) => {
      const place = await aPlace(stage);
      const members = [stage.member(0, place), stage.member(1, place)];
      const asked = members[row.rank]!;
      await Promise.all([asked.said(/starting Ray/), members[0]!.said(/all are in/)]);
      // The worker begins when GCS of the head answers.
      if (row.until === 'has its GCS') await members[1]!.said(/starting Ray/);
      const since = performance.now();
      asked.kill('SIGTERM');
      const ended = await asked.ended(RAY_MS);
      expect(ended.status).toBe(143);
      const other = await members[1 - row.rank]!.ended(RAY_MS);
      expectEnd(other, { status: 79, says: /was asked to stop/ });
      expect(Math.max(ended.at, other.at) - since).toBeLessThan(STOPPED_MS);
    },
  );

  test('the server cannot start on it: its status on the head, 79 on the worker, no Ray is left', async ({ stage }) => {
    const place = await aPlace(stage);
    const head = stage.member(0, { ...place, serverArgs: ['--tensor-parallel-size=2', '--no-such-arg'] });
    const worker = stage.member(1, place);
    const says = /the server demo of head ended with status 2, and nobody had asked it to/;
    expectEnd(await head.ended(RAY_MS), { status: 2, code: 'SERVER_EXITED', says });
    expectEnd(await worker.ended(RAY_MS), { status: 79, code: 'SERVER_EXITED', says });
  });

  test('the worker is killed with SIGKILL while the group serves: 79 on the head, soon, and its Ray is gone', async ({
    stage,
  }) => {
    const place = await aPlace(stage);
    const head = stage.member(0, { ...place, serverArgs: ['--tensor-parallel-size=2'] });
    const worker = stage.member(1, place);
    await worker.said(/the whole group is ready/, 60_000);
    const since = performance.now();
    worker.kill('SIGKILL');
    const ended = await head.ended(RAY_MS);
    expectEnd(ended, { status: 79, code: 'GROUP_LOST', says: /worker-1 \(rank 1\) closed its connection/ });
    expect(ended.at - since).toBeLessThan(40_000);
    await worker.ended();
    await stage.sweep(); // the Ray of the killed one: in a container it dies with PID 1
  });
});
