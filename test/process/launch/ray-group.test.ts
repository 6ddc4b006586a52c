/** Real Ray: a head and a worker meet, each with its own `ray start`, and a tensor-parallel server answers. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { openGcs } from '../../../src/launch/start/ray/gcs.ts';
import { noRay } from '../support/ray.ts';
import {
  aMeeting,
  expectEnd,
  type GroupOptions,
  type Meeting,
  type Muster,
  type Stage,
  test,
} from '../support/stage.ts';

/** Of the default shape, all shards together. */
const SPLIT_PARAMETERS = 106_496;
const PROMPT = 'The head and its workers';

interface Serving {
  readonly members: readonly [Muster, ...Muster[]];
  readonly meeting: Meeting;
}

async function aGroup(stage: Stage, { members = 2, ...more }: Partial<GroupOptions> = {}): Promise<Serving> {
  const meeting = await aMeeting();
  const group = await stage.group({
    command: ['launch', 'demo'],
    members,
    meeting,
    own: stage.rayDirectories(),
    serverArgs: [`--tensor-parallel-size=${members}`],
    ...more,
  });
  return { members: group, meeting };
}

async function ready({ members }: Serving): Promise<void> {
  await Promise.all(
    members.map((each, rank) => each.said(rank === 0 ? / ready after / : /the whole group is ready/, 60_000)),
  );
}

async function complete({ meeting }: Serving, model: string): Promise<string> {
  const url = `http://127.0.0.1:${meeting.http}/v1/completions`;
  const body = JSON.stringify({ model, prompt: PROMPT, max_tokens: 24 });
  const reply = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(reply.status).toBe(200);
  return ((await reply.json()) as { choices: { text: string }[] }).choices[0]!.text;
}

const environment = (pid: number): ReadonlyMap<string, string> =>
  new Map(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

interface Shard {
  readonly pid: number;
  readonly parameters: number;
}

async function shardsOf({ meeting }: Serving): Promise<readonly Shard[]> {
  const models = await (await fetch(`http://127.0.0.1:${meeting.http}/v1/models`)).json();
  return (models as { data: { shards: Shard[] }[] }).data[0]!.shards;
}

/** SIGTERM to the head: it drains, the workers are told. */
async function dismiss({ members }: Serving): Promise<void> {
  const [head, ...workers] = members;
  head.kill('SIGTERM');
  expectEnd(await head.ended(), { status: 0 });
  for (const worker of workers)
    expectEnd(await worker.ended(), { status: 79, says: /head was asked to stop by SIGTERM/ });
}

describe.skipIf(noRay)(`a group on Ray ${noRay ?? ''}`, () => {
  test('two members serve; GCS takes the group’s token only; a lost raylet ends them all with 79', async ({
    stage,
  }) => {
    const serving = await aGroup(stage);
    const [head, worker = head] = serving.members;
    await ready(serving);
    expect(await complete(serving, 'demo')).toHaveLength(24);

    const [server] = await stage.find(/python3 .*demo\/server\.py/);
    const env = environment(server!);
    expect(env.get('RAY_ADDRESS')).toBe(`127.0.0.1:${serving.meeting.engine}`);
    const at = { host: '127.0.0.1', port: serving.meeting.engine };
    for (const token of [undefined, 'x'.repeat(64)]) {
      const gcs = openGcs({ ...at, token });
      await expect(gcs.listNodes({ deadlineMs: 5_000 })).rejects.toMatchObject({ code: 'TOKEN_WRONG' });
      gcs.close();
    }
    const gcs = openGcs({ ...at, token: env.get('RAY_AUTH_TOKEN') });
    const names = (await gcs.listNodes({ deadlineMs: 5_000 })).map(({ name }) => name);
    gcs.close();
    expect(names.map((name) => name.replace(/-[0-9a-f]{16}$/, '')).sort()).toEqual(['head', 'worker-1']);

    const probe = ['probe', 'ready', `--ray=127.0.0.1:${serving.meeting.engine}`, '--nodes=2'];
    const no = await stage.run(probe);
    expect(no).toMatchObject({
      status: 69,
      stderr: expect.stringMatching(/ready: NO, .*wants a token and we have none/),
    });
    const http = `--http=http://127.0.0.1:${serving.meeting.http}/v2/health/ready`;
    const yes = await stage.run([...probe, http], { env: { RAY_AUTH_TOKEN: env.get('RAY_AUTH_TOKEN')! } });
    expect(yes).toMatchObject({ status: 0, stderr: expect.stringMatching(/ready: yes, 2 of 2 Ray nodes alive at/) });

    await stage.remember();
    process.kill(await rayletOf(stage, worker), 'SIGKILL');
    const killed = performance.now();
    for (const member of [head, worker]) {
      const ended = await member.ended();
      expectEnd(ended, { status: 79, code: 'ENGINE_LOST', says: /Ray of worker-1 is lost: .*raylet.*signal 9/ });
      expect(ended.at - killed).toBeLessThan(40_000);
    }
  });
});

describe('the same prompt gives the same tokens, however it is sharded', () => {
  const PLACES = [
    { engine: 'native', members: 1 },
    { engine: 'native', members: 2 },
    { engine: 'native', members: 4 },
    { engine: 'ray', members: 1 },
    { engine: 'ray', members: 2 },
    { engine: 'ray', members: 4 },
  ];
  const answers = new Map<string, string>();

  test.for(PLACES)(
    'tensor-parallel size $members on $members members, engine $engine',
    async ({ engine, members }, { stage, skip }) => {
      const runtime = engine === 'ray' ? 'demo' : 'demo-native';
      if (engine === 'ray' && noRay) skip(noRay);
      const serving = await aGroup(stage, {
        command: ['launch', runtime],
        members,
        options: ['--takeover=supervise'],
        own: engine === 'ray' ? stage.rayDirectories() : () => [],
      });
      await ready(serving);
      const answer = await complete(serving, runtime);
      const shards = await shardsOf(serving);
      expect(new Set(shards.map(({ pid }) => pid)).size).toBe(members); // each in a process of its own
      expect(shards.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(SPLIT_PARAMETERS);
      answers.set(`${engine} ${members}`, answer);
      expect(new Set(answers.values())).toEqual(new Set([answer]));
      await dismiss(serving);
    },
  );
});

/** The raylet among the descendants of that muster. */
async function rayletOf(stage: Stage, { pid }: Muster): Promise<number> {
  const raylets = await stage.find(/\/raylet /);
  const found = raylets.find((each) => ancestors(each).includes(pid));
  if (found === undefined) throw new Error(`${pid} has no raylet; the stage has ${raylets}`);
  return found;
}

function ancestors(pid: number): number[] {
  const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return parent > 1 ? [parent, ...ancestors(parent)] : [];
}
