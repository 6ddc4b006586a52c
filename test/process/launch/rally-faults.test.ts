/**
 * Members that cannot meet, or may not: every one of them says why, in time, and is gone with all it started. Engine
 * native, so that nothing but the rally decides.
 */
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { describe, expect } from 'vitest';
import { aMeeting, expectEnd, type GroupOptions, type Meeting, type Stage, test } from '../support/stage.ts';

const SERVER = { command: ['launch', 'model-server'] };
/** Milliseconds beside a bound of two seconds for processes to start and end, five tests at once on two cores. */
const SLACK_MS = 15_000;

const of = (members: number, meeting: Meeting, more: Partial<GroupOptions> = {}): GroupOptions => ({
  ...SERVER,
  members,
  meeting,
  ...more,
});

async function listening(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
  return (server.address() as { port: number }).port;
}

/** SIGTERM to a group that is fine, and all of it gone. */
async function dismiss(...members: readonly ReturnType<Stage['start']>[]): Promise<void> {
  members[0]!.kill('SIGTERM');
  await Promise.all(members.map((member) => member.ended()));
}

describe.concurrent('a head that is not there', () => {
  test.for([
    { when: 'its name does not exist', host: 'no-such-head.invalid', says: /DNS: the name does not resolve/ },
    { when: 'nobody listens', host: '127.0.0.1', says: /TCP: 127\.0\.0\.1:\d+ refuses \(ECONNREFUSED\)/ },
  ])('$when: 69 after the rally timeout, and the layer (fault 16)', async ({ host, says }, { stage }) => {
    const { rally } = await aMeeting();
    const started = performance.now();
    const worker = stage.start(
      ['launch', 'demo-native', '--world-size=2', '--rank=1', `--head-address=${host}`, `--rally-port=${rally}`]
        .concat('--rally-timeout=2', '--progress=0.5', '--insecure'), // biome-ignore format: one line each
    );
    await worker.said(new RegExp(`waiting .* of 2 s for the head ${host}:${rally}: ${says.source}.*; next step: `));
    const ended = await worker.ended();
    expectEnd(ended, { status: 69, code: 'HEAD_UNREACHABLE', says });
    expect(ended.stderr).toContain(`the head ${host}:${rally} was not reached in 2 s`);
    expect(ended.at - started).toBeLessThan(2_000 + SLACK_MS);
  });

  test('a web server answers there: 69, and what it speaks', async ({ stage, onTestFinished }) => {
    const web = createHttpServer((_, response) => response.end('hello'));
    onTestFinished(() => void web.close());
    const meeting = { ...(await aMeeting()), rally: await listening(web) };
    const worker = stage.member(1, of(2, meeting, { options: ['--rally-timeout=2', '--progress=0.5'] }));
    const started = performance.now();
    const ended = await worker.ended();
    expectEnd(ended, { status: 69, code: 'HEAD_UNREACHABLE', says: /hello: .*is no head yet: it speaks HTTP\/1/ });
    expect(ended.at - started).toBeLessThan(2_000 + SLACK_MS);
  });

  /**
   * A head may come a minute late. The pause between two tries grows from 10 ms to 1 s within 1.3 s and then stays, so after 4 s a
   * worker is in the state in which it would be after 60: what is shown here is that state, 56 s sooner.
   */
  test('it comes late: the worker names the layer meanwhile, and joins at once (fault 16)', async ({ stage }) => {
    const meeting = await aMeeting();
    const worker = stage.member(1, of(2, meeting, { options: ['--progress=0.5'] }));
    await worker.said(
      /waiting ([4-9]|\d\d)(\.\d)? s of 600 s for the head 127\.0\.0\.1:\d+: TCP: .*refuses \(ECONNREFUSED\); next step: /,
    );
    const came = performance.now();
    const head = stage.member(0, of(2, meeting));
    await head.said(/worker-1 at 127\.0\.0\.1 is in as rank 1; all are in/);
    expect(performance.now() - came).toBeLessThan(1_500 + SLACK_MS); // its own start
    await worker.said(/the whole group is ready/);
    await dismiss(head, worker);
  });
});

describe.concurrent('a head that cannot open its ports', () => {
  test.for([
    { port: 'rally', says: "the rally's port" },
    { port: 'engine', says: 'the master port of the server' },
  ] as const)(
    '$port port taken: 78 with the port and the process (fault 28)',
    async ({ port, says }, { stage, onTestFinished }) => {
      const other = createServer();
      onTestFinished(() => void other.close());
      const meeting = await aMeeting();
      await listening(other, meeting[port]);
      const started = performance.now();
      const ended = await stage.member(0, of(2, meeting)).ended();
      expectEnd(ended, { status: 78, code: 'PORT_TAKEN', says: new RegExp(`${meeting[port]}.*${process.pid}`) });
      expect(ended.stderr.toLowerCase()).toContain(says);
      expect(ended.at - started).toBeLessThan(SLACK_MS);
    },
  );

  test('an address that is not of this machine: 78', async ({ stage }) => {
    const ended = await stage.member(0, of(2, await aMeeting(), { options: ['--address=192.0.2.77'] })).ended();
    expectEnd(ended, { status: 78, code: 'ADDRESS_UNAVAILABLE', says: /the address is not of this machine/ });
  });
});

describe.concurrent('a member that may not join', () => {
  test('another token: 77 at once; the head waits on, and the right one gets in (fault 18)', async ({ stage }) => {
    const meeting = await aMeeting();
    const token = (text: string) => ({ env: { MUSTER_TOKEN: text } });
    const head = stage.member(0, of(2, meeting, token('the-token-of-this-group')));
    const wrong = stage.member(1, of(2, meeting, token('a-token-of-another-one')));
    const ended = await wrong.ended();
    expectEnd(ended, { status: 77, code: 'TOKEN_WRONG', says: /token/ });
    await head.said(/refused worker-1 at .*: TOKEN_WRONG/);
    const none = await stage.member(1, of(2, meeting)).ended();
    expectEnd(none, { status: 77, code: 'TOKEN_WRONG', says: /token/ });
    const right = stage.member(1, of(2, meeting, token('the-token-of-this-group')));
    await right.said(/the whole group is ready/);
    await dismiss(head, right);
    for (const each of [head, wrong, right]) expect(each.stderr).not.toMatch(/the-token-of|a-token-of/);
  });

  test('other server args: 78 with both values; the head ends with 75 and names the refused', async ({ stage }) => {
    const meeting = await aMeeting();
    const options = ['--rally-timeout=3', '--progress=0.3'];
    const head = stage.member(0, of(2, meeting, { options, serverArgs: ['--seed=1', 'a b'] }));
    const worker = stage.member(1, of(2, meeting, { serverArgs: ['--seed=2', 'a b'] }));
    const both = /server args: head "\[\\?"--seed=1\\?",\\?"a b\\?"\].*", worker-1 "\[\\?"--seed=2\\?",\\?"a b\\?"\]/;
    expectEnd(await worker.ended(), { status: 78, code: 'PLAN_MISMATCH', says: both });
    await head.said(/refused: worker-1 at 127\.0\.0\.1 \(plan, PLAN_MISMATCH/);
    expectEnd(await head.ended(), {
      status: 75,
      code: 'RALLY_TIMEOUT',
      says: /1 of 2 members missing: rank 1; refused: worker-1 .*PLAN_MISMATCH/,
    });
  });

  test('another world size: 78 with both', async ({ stage }) => {
    const meeting = await aMeeting();
    const head = stage.member(0, of(2, meeting));
    const worker = await stage.member(1, of(3, meeting)).ended();
    expectEnd(worker, { status: 78, code: 'PLAN_MISMATCH', says: /world size: head "2", worker-1 "3"/ });
    head.kill('SIGTERM');
    expect((await head.ended()).status).toBe(143);
  });

  test('another model: 78 with both fingerprints', async ({ stage }) => {
    const meeting = await aMeeting();
    const model = (config: string) => {
      const directory = stage.directory();
      writeFileSync(`${directory}/config.json`, config);
      return { command: ['launch', 'demo-native'], env: { MODEL_DIR: directory } };
    };
    const head = stage.member(0, of(2, meeting, model('{"seed": 1}')));
    const worker = await stage.member(1, of(2, meeting, model('{"seed": 2}'))).ended();
    expectEnd(worker, {
      status: 78,
      code: 'MODEL_MISMATCH',
      says: /fingerprint: head "[0-9a-f]{64}", worker-1 "[0-9a-f]{64}"/,
    });
    head.kill('SIGTERM');
    expect((await head.ended()).status).toBe(143);
  });

  test('a rank that another holds: 78 names both; the holder stays and the group forms (fault 20)', async ({
    stage,
  }) => {
    const meeting = await aMeeting();
    const head = stage.member(0, of(3, meeting));
    const first = stage.member(1, of(3, meeting));
    await head.said(/worker-1 at 127\.0\.0\.1 is in as rank 1/);
    const twin = stage.member(1, of(3, meeting, { as: 'twin' }));
    expectEnd(await twin.ended(), {
      status: 78,
      code: 'RANK_TAKEN',
      says: /twin at .* asks for rank 1, which worker-1 .* holds/,
    });
    const third = stage.member(2, of(3, meeting));
    await Promise.all([first, third].map((each) => each.said(/the whole group is ready/)));
    await dismiss(head, first, third);
  });
});

describe.concurrent('a group that cannot be whole', () => {
  test('a member never comes: all end with 75 and name its rank (fault 23)', async ({ stage }) => {
    const meeting = await aMeeting();
    const options = ['--rally-timeout=2', '--progress=0.5'];
    const started = performance.now();
    const head = stage.member(0, of(3, meeting, { options }));
    const worker = stage.member(1, of(3, meeting, { options: ['--progress=0.5'] }));
    await head.said(
      /waiting .* of 2 s: 1 of 3 members missing: rank 2; next step: look at the logs of the missing members/,
    );
    await worker.said(/seated as rank 1, 1 of 3 members missing: rank 2/);
    for (const ended of await Promise.all([head.ended(), worker.ended()])) {
      expectEnd(ended, {
        status: 75,
        code: 'RALLY_TIMEOUT',
        says: /not complete after 2 s: 1 of 3 members missing: rank 2/,
      });
      expect(ended.at - started).toBeLessThan(2_000 + SLACK_MS);
    }
  });

  test('too few devices, added up over the members: 78 on all, with the count of each', async ({ stage }) => {
    const meeting = await aMeeting();
    const env = { MODEL_ID: 'org/model', REQUEST_GPU_COUNT: '1' };
    const options = { command: ['launch', 'vllm'], env };
    const head = stage.member(0, of(2, meeting, { ...options, serverArgs: ['--tensor-parallel-size=4'] }));
    const worker = stage.member(1, of(2, meeting, options));
    for (const ended of await Promise.all([head.ended(), worker.ended()])) {
      const says = /the plan needs 4 devices, the 2 members have 2: head 1, worker-1 1/;
      expectEnd(ended, { status: 78, code: 'DEVICES_SHORT', says });
    }
  });
});

describe.concurrent('a server that does not come up', () => {
  const LOADING = /the weights cannot be loaded/;

  test('it is not in the image of the head: 127 there, and the worker is told', async ({ stage }) => {
    const meeting = await aMeeting();
    const [head, worker] = await stage.group({ command: ['launch', 'missing-binary'], members: 2, meeting });
    for (const member of [head, worker!]) {
      expectEnd(await member.ended(), {
        status: 127,
        code: 'NOT_FOUND',
        says: /no-such-model-server is in no directory/,
      });
    }
  });

  test('it ends with 3 on the head: 3 there, 79 on the worker, one sentence', async ({ stage }) => {
    const [head, worker] = await stage.group({ ...SERVER, members: 2, serverArgs: ['--only=0', '--exit=3'] });
    const says = /the server model-server of head ended with status 3, and nobody had asked it to/;
    const ended = await head.ended();
    expectEnd(ended, { status: 3, code: 'SERVER_EXITED', says });
    expect(ended.stderr).toMatch(LOADING);
    expectEnd(await worker!.ended(), { status: 79, code: 'SERVER_EXITED', says });
  });

  test('it ends with 3 on the worker: 3 there, 79 on the head', async ({ stage }) => {
    const [head, worker] = await stage.group({ ...SERVER, members: 2, serverArgs: ['--only=1', '--exit=3'] });
    const says = /the server model-server of worker-1 ended with status 3, and nobody had asked it to/;
    expectEnd(await worker!.ended(), { status: 3, code: 'SERVER_EXITED', says });
    expectEnd(await head.ended(), { status: 79, code: 'SERVER_EXITED', says });
  });

  test('it ends with 0 on the worker: 81 there, 79 on the head', async ({ stage }) => {
    const [head, worker] = await stage.group({ ...SERVER, members: 2, serverArgs: ['--only=1', '--exit=0'] });
    expectEnd(await worker!.ended(), { status: 81, code: 'SERVER_EXITED' });
    expectEnd(await head.ended(), { status: 79, code: 'SERVER_EXITED' });
  });

  test('it is never ready: 124 on all within the ready timeout, with what was last heard (fault 31)', async ({
    stage,
  }) => {
    const options = ['--ready-timeout=1'];
    const [head, worker] = await stage.group({ ...SERVER, members: 2, options, serverArgs: ['--never-ready'] });
    await head.said(/starting model-server/);
    const started = performance.now();
    for (const ended of await Promise.all([head.ended(), worker!.ended()])) {
      expectEnd(ended, { status: 124, code: 'SERVER_NOT_READY', says: /1 s/ });
      expect(ended.at - started).toBeLessThan(1_000 + SLACK_MS);
    }
  });
});
