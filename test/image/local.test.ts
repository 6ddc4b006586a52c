/**
 * `muster local` with a real Docker: four members in containers of a stock image, real tini, real Ray, a tensor-parallel
 * server; then everything that a cluster does to its pods. At the end nothing is left.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureEngine, ensureImages, IMAGES } from '../../scripts/engine.ts';
import { freePorts } from '../../scripts/group.ts';
import { connect, type Docker } from '../../src/local/docker.ts';
import { labelled, look } from '../../src/local/look.ts';
import type { Sight } from '../../src/local/sight.ts';
import { sweep } from '../../src/local/sweep.ts';
import { hasVariable } from '../../src/process/process-table.ts';
import { type Ended, type Muster, Stage } from '../process/support/stage.ts';

const { skip } = await ensureEngine();
/** Milliseconds. A quiet machine needs a tenth of it. */
const PATIENCE_MS = 180_000;

const stage = new Stage();
let docker: Docker;
const groups: string[] = [];

/** A name that no other test run has. */
function aName(): string {
  const name = `t${randomBytes(3).toString('hex')}`;
  groups.push(name);
  return name;
}

const local = (...argv: readonly string[]): Muster => stage.start(['local', ...argv]);
const run = async (...argv: readonly string[]): Promise<Ended> => local(...argv).ended(PATIENCE_MS);

interface Wanted {
  readonly name: string;
  readonly members?: number;
  readonly runtime?: string;
  readonly options?: readonly string[];
  readonly serverArgs?: readonly string[];
}

async function up({ name, members = 2, runtime = 'demo', options = [], serverArgs = [] }: Wanted): Promise<Muster> {
  const [port = 0] = await freePorts(1);
  const ours = [`--name=${name}`, `--members=${members}`, `--image=${IMAGES.stock}`, '--pull=never', `--port=${port}`];
  // A member that two busy cores keep waiting for three seconds is not lost.
  const more = ['--env=MUSTER_LEASE=10', ...options, runtime, '--', `--tensor-parallel-size=${members}`, ...serverArgs];
  return local('up', ...ours, ...more);
}

/** Looks again until it finds what it looks for. */
async function until<T>(what: string, find: () => Promise<T | undefined | false>): Promise<T> {
  const late = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > late) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(200);
  }
}

/** Containers, networks and volumes of a group, and processes that it started; nothing of it may be there at the end. */
async function leftovers(group: string): Promise<readonly string[]> {
  const filters = labelled(group);
  const [containers, networks, volumes] = await Promise.all([
    docker.api.listContainers({ all: true, filters }),
    docker.api.listNetworks({ filters }),
    docker.api.listVolumes({ filters }),
  ]);
  const alive = pidsOf(group);
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...networks.map(({ Name }) => Name),
    ...volumes.Volumes.map(({ Name }) => Name),
    ...alive.map((pid) => `process ${pid}`),
  ];
}

/** Their environment says whose they are; Ray's daemons and the server inherit it. */
function pidsOf(group: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => [0, 1, 2, 3].some((at) => hasVariable(pid, 'POD_NAME', `${group}-${at}`)));
}

/** Processes that ended and that nobody has waited for, by member. */
async function zombies(group: string): Promise<readonly string[]> {
  const sights = await look(docker, group);
  const lists = await Promise.all(
    sights.map(async ({ id, name }) => {
      const { Processes } = await docker.api.getContainer(id).top({ ps_args: '-eo pid,stat,comm' });
      return (Processes as string[][])
        .filter(([, stat]) => stat?.startsWith('Z'))
        .map((row) => [name, ...row].join(' '));
    }),
  );
  return lists.flat();
}

const headOf = (sights: readonly Sight[]): Sight => {
  const [head] = sights;
  if (head?.marks.ordinal !== 0) throw new Error('there is no head');
  return head;
};

/** What every member says of how the last generation ended. */
const endings = (sights: readonly Sight[]): string[] =>
  sights.flatMap(({ report }) => report?.lastEnding?.message ?? []);

beforeAll(async () => {
  if (skip) return;
  docker = await connect(process.env);
  await ensureImages(['stock']);
}, 600_000);

afterAll(async () => {
  if (skip) return;
  const hurry = AbortSignal.abort();
  for (const group of groups) await sweep(docker, group, { graceSeconds: 0, hurry });
  await stage.sweep();
}, 120_000);

describe.skipIf(skip)(`four members in containers ${skip ?? ''}`, () => {
  const name = aName();
  let started: Muster;

  beforeAll(async () => {
    // Ray (9 s) and the server (3 s) look for silent peers too: here it is muster's lease that must find them.
    const patient = ['--env=RAY_health_check_failure_threshold=60', '--env=MUSTER_RESTARTS=50'];
    const serverArgs = ['--shard-timeout=60'];
    started = await up({ name, members: 4, options: ['-d', '--late=head=30', ...patient], serverArgs });
    const { status, stderr } = await started.ended(PATIENCE_MS);
    expect(status, stderr).toBe(0);
  }, PATIENCE_MS + 10_000);

  afterEach(async () => expect(await zombies(name)).toEqual([]));

  async function complete(): Promise<string> {
    const body = JSON.stringify({ model: name, prompt: 'The head and its workers', max_tokens: 24 });
    const { status, stdout, stderr } = await run('curl', `--name=${name}`, '/v1/completions', '-d', body);
    expect(status, stderr).toBe(0);
    return (JSON.parse(stdout.toString()) as { choices: { text: string }[] }).choices[0]!.text;
  }

  let answer = '';

  /** Every member says that the group is ready, which the one that was lost can only do after it is back; then it completes. */
  async function recovered(): Promise<readonly Sight[]> {
    const sights = await until(`${name} is ready again`, async () => {
      const now = await look(docker, name);
      return now.every(({ report }) => report?.ready.yes) && now;
    });
    expect(await complete()).toBe(answer);
    return sights;
  }

  /** The head has ended the generation that it was in. */
  async function givenUp(before: readonly Sight[]): Promise<void> {
    await until('the others have given it up', async () => {
      const head = headOf(await look(docker, name));
      return (head.report?.generation ?? 0) > (headOf(before).report?.generation ?? 0);
    });
  }

  test('workers wait for a head whose name is not there for 30 s, and say so', async () => {
    expect(started.stderr).toMatch(new RegExp(`${name}-[123]: .*DNS: the name does not resolve`));
    expect(started.stderr).toMatch(
      new RegExp(`${name}-0: created[\\s\\S]*${name}-1: starting[\\s\\S]*${name}-0: starting`),
    );
    expect(started.stderr).toMatch(
      / is ready; server at http:\/\/127\.0\.0\.1:\d+; page at http:\/\/127\.0\.0\.1:\d+\//,
    );
  });

  test('a completion, by shards on all four members', async () => {
    answer = await complete();
    expect(answer).toHaveLength(24);
    const models = await run('curl', `--name=${name}`, '/v1/models');
    const { data } = JSON.parse(models.stdout.toString()) as { data: { shards: { node_id: string }[] }[] };
    expect(new Set(data[0]?.shards.map(({ node_id }) => node_id)).size).toBe(4);
  });

  test('status, logs and exec show all of it; the token is the own user’s only', async () => {
    const status = await run('status', `--name=${name}`);
    expect(status).toMatchObject({ status: 0, stdout: expect.anything() });
    expect(status.stdout.toString()).toMatch(/^READY /);
    const { stdout } = await run('logs', `--name=${name}`, '--tail=20');
    const lines = stdout.toString().trimEnd().split('\n');
    for (const at of [0, 1, 2, 3]) expect(lines.some((line) => line.includes(`Z ${name}-${at}  `))).toBe(true);
    const times = lines.map((line) => line.slice(0, 13));
    expect(times).toEqual(times.toSorted());
    const last = await run('logs', `--name=${name}`, '--tail=1', '0', '2');
    expect(last.stdout.toString().match(/^.*\n/gm)).toHaveLength(2);
    const secret = await run('exec', `--name=${name}`, '1', '--', 'stat', '-c', '%a %u', '/run/muster/token');
    expect(secret).toMatchObject({ status: 0, stderr: '' });
    expect(secret.stdout.toString()).toBe('400 0\n');
  });

  test('exec gives the status of its command, and its orphans do not stay zombies', async () => {
    const orphan = 'sh -c "sleep 0.3; exit 3" & sh -c "exit 4" & echo started; exit 7';
    const { status, stdout } = await run('exec', `--name=${name}`, '2', '--', 'sh', '-c', orphan);
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 7, stdout: 'started\n' });
    await until('the orphans are gone', async () => {
      const running = await run('exec', `--name=${name}`, '2', '--', 'ps', '-eo', 'comm');
      return !running.stdout.toString().includes('sleep');
    });
    const missing = await run('exec', `--name=${name}`, '2', '--', 'no-such-program');
    expect([126, 127]).toContain(missing.status); // which one, versions of Docker differ in
  });

  test('a killed member is named by all, and comes back', async () => {
    expect(await run('kill', `--name=${name}`, '2')).toMatchObject({ status: 0 });
    const after = await recovered();
    expect(headOf(after).report?.lastEnding).toMatchObject({ culprit: `${name}-2` });
    expect(endings(after).some((message) => message.includes(`${name}-2`))).toBe(true);
  });

  test('a frozen member is found silent; thawed, it finds its seat again', async () => {
    const before = await look(docker, name);
    expect(await run('freeze', `--name=${name}`, '1')).toMatchObject({ status: 0 });
    await givenUp(before);
    const status = await run('status', `--name=${name}`);
    expect(status.status).toBe(75);
    expect(status.stdout.toString()).toMatch(new RegExp(`${name}-1 .*frozen`));
    expect(await run('thaw', `--name=${name}`, '1')).toMatchObject({ status: 0 });
    const after = await recovered();
    expect(headOf(after).report?.lastEnding).toMatchObject({
      culprit: `${name}-1`,
      message: expect.stringMatching(/stopped beating/),
    });
  });

  test('a member that is cut off is found silent; healed, it is back at its address', async () => {
    const before = await look(docker, name);
    expect(await run('partition', `--name=${name}`, '3')).toMatchObject({ status: 0 });
    await givenUp(before);
    expect((await run('status', `--name=${name}`)).stdout.toString()).toMatch(new RegExp(`${name}-3 .*cut off`));
    expect(await run('heal', `--name=${name}`, '3')).toMatchObject({ status: 0 });
    const after = await recovered();
    expect(headOf(after).report?.lastEnding).toMatchObject({ culprit: `${name}-3` });
    expect(headOf(after).report?.members?.find(({ member }) => member === `${name}-3`)?.address).toBe(
      after[3]?.marks.address,
    );
  });

  test('a head that is stopped and started anew gathers its workers again', async () => {
    expect(await run('restart', `--name=${name}`, 'head')).toMatchObject({ status: 0 });
    const after = await recovered();
    const said = after.slice(1).map(({ report }) => report?.lastEnding?.message ?? 'nothing');
    for (const message of said) expect(message).toMatch(new RegExp(`${name}-0|head`));
  });

  test('a member that fails by itself is started again by Docker', async () => {
    // Everything but PID 1, as the kernel's OOM killer would: tini mirrors it, and the container ends.
    await run('exec', `--name=${name}`, '1', '--', 'pkill', '-KILL', '-f', '^/opt/muster/muster launch');
    const after = await recovered();
    expect(after[1]?.restarts).toBeGreaterThan(0);
  });

  test('down leaves nothing; down again is as good', async () => {
    const first = await run('down', `--name=${name}`);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout.toString()).toBe(`${name}: removed 4 containers, 1 network, 1 volume\n`);
    expect(await leftovers(name)).toEqual([]);
    const second = await run('down', `--name=${name}`);
    expect(second).toMatchObject({ status: 0, stderr: '' });
    expect(second.stdout.toString()).toBe(`${name}: nothing is there\n`);
  });
});

describe.skipIf(skip)(`asked to stop while it comes up ${skip ?? ''}`, () => {
  // A look may miss a phase that is short: a later one will do.
  test.each([
    { when: 'containers are made', signal: 'SIGINT', says: /-0: created after/, options: [] },
    { when: 'members start', signal: 'SIGTERM', says: /-0: (starting|joining|joined|engine)/, options: [] },
    { when: 'one waits for another', signal: 'SIGTERM', says: /-0: joined /, options: ['--late=1=600'] },
    { when: 'one waits for the head', signal: 'SIGINT', says: /-1: joining /, options: ['--late=0=600'] },
    { when: 'the engine starts', signal: 'SIGTERM', says: /-1: (engine|serving)/, options: [] },
    { when: 'the server starts', signal: 'SIGINT', says: /-0: (serving|ready)/, options: [] },
    { when: 'it is ready', signal: 'SIGTERM', says: / is ready; server at/, options: [] },
  ] as const)('$signal when $when: nothing is left', async ({ signal, says, options }) => {
    const name = aName();
    const group = await up({ name, options });
    await group.said(says, PATIENCE_MS);
    group.kill(signal);
    const { status, stderr } = await group.ended(PATIENCE_MS);
    expect(status, stderr).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(stderr).not.toMatch(/BUG|is not down/);
    expect(await leftovers(name)).toEqual([]);
  });

  test('SIGINT before anything can be said (fault 40)', async () => {
    const name = aName();
    const group = await up({ name });
    await until('something of it is there', async () => (await leftovers(name)).length > 0);
    group.kill('SIGINT');
    expect(await group.ended(PATIENCE_MS)).toMatchObject({ status: 130 });
    expect(await leftovers(name)).toEqual([]);
  });

  test('in the foreground the logs follow, over the restart of all, until somebody takes the group down', async () => {
    const name = aName();
    const model = stage.directory();
    writeFileSync(join(model, 'config.json'), '{"seed": 7}');
    // LeaderWorkerSet recreates a group itself, so muster does not; here Docker starts each member again.
    const options = ['--like=lws', `--model-dir=${model}`, '--env=MUSTER_RESTARTS=0'];
    const group = await up({ name, runtime: 'demo-native', options });
    await group.printed(new RegExp(`Z ${name}-0  .* ready after `), PATIENCE_MS);
    const read = await run('exec', `--name=${name}`, '1', '--', 'cat', join(model, 'config.json'));
    expect(read).toMatchObject({ status: 0, stdout: Buffer.from('{"seed": 7}') });
    const write = await run('exec', `--name=${name}`, '1', '--', 'touch', join(model, 'x'));
    expect(write.status).not.toBe(0);
    expect(await run('kill', `--name=${name}`, '1')).toMatchObject({ status: 0 });
    const again = `Z ${name}-0  .* ready[\\s\\S]*Z ${name}-0  .*generation 1 ended: ${name}-1[\\s\\S]*Z ${name}-0  .* ready after `;
    await group.printed(new RegExp(again), PATIENCE_MS);
    const lines = group.stdout.toString().split('\n');
    expect(lines.length, 'no line is shown twice').toBe(new Set(lines).size);
    expect(await run('down', `--name=${name}`)).toMatchObject({ status: 0 });
    expect(await group.ended(PATIENCE_MS)).toMatchObject({ status: 0 });
    expect(await leftovers(name)).toEqual([]);
  });
});

describe.skipIf(skip)(`what cannot come up ${skip ?? ''}`, () => {
  test('a member that ends is named, with its status and its last words', async () => {
    const name = aName();
    const [port = 0] = await freePorts(1);
    const ours = [`--name=${name}`, `--image=${IMAGES.base}`, '--pull=never', `--port=${port}`];
    const { status, stderr } = await run('up', ...ours, 'demo', '--', '--tensor-parallel-size=2');
    expect(status, stderr).toBe(127);
    expect(stderr).toMatch(new RegExp(`${name}-[01] \\| .*NOT_FOUND there is no .ray. on PATH`));
    expect(stderr).toMatch(new RegExp(`muster: MEMBER_ENDED ${name}-[01] ended with status 127 .*\n→ `));
    expect(await leftovers(name)).toEqual([]);
  });

  test.each([
    {
      when: 'an image that is not here',
      options: ['--image=muster-test/none:1', '--pull=never'],
      status: 66,
      code: 'IMAGE_MISSING',
    },
    { when: 'one that no registry gives', options: ['--image=127.0.0.1:1/none:1'], status: 66, code: 'IMAGE_MISSING' },
    { when: 'more memory than there is', options: ['--memory=9999g'], status: 78, code: 'MEMORY_SHORT' },
    { when: 'GPUs that are not there', options: ['--gpus=64'], status: 78, code: 'DEVICES_SHORT' },
  ])('$when → $status', async ({ options, status, code }) => {
    const name = aName();
    const image = options.some((each) => each.startsWith('--image')) ? [] : [`--image=${IMAGES.stock}`];
    const ended = await run('up', `--name=${name}`, ...image, ...options, 'demo');
    expect(ended.status, ended.stderr).toBe(status);
    expect(ended.stderr).toMatch(new RegExp(`^muster: ${code} .+\n→ .+\n?$`, 'm'));
    expect(await leftovers(name)).toEqual([]);
  });

  test('a name and a port that are taken, by a group that is not touched (fault 40)', async () => {
    const name = aName();
    const first = await up({ name, runtime: 'demo-native', options: ['-d'] });
    expect(await first.ended(PATIENCE_MS)).toMatchObject({ status: 0 });
    const [head] = await look(docker, name);
    const again = await run('up', `--name=${name}`, `--image=${IMAGES.stock}`, 'demo');
    expect(again.status).toBe(78);
    expect(again.stderr).toMatch(new RegExp(`^muster: NAME_TAKEN there is a group "${name}" already\n→ `));
    const other = await run(
      'up',
      `--name=${aName()}`,
      `--image=${IMAGES.stock}`,
      `--port=${head?.ports.server}`,
      'demo',
    );
    expect(other.status).toBe(78);
    expect(other.stderr).toMatch(
      new RegExp(`^muster: PORT_TAKEN port ${head?.ports.server} on 127\\.0\\.0\\.1 is taken`),
    );
    expect(await run('status', `--name=${name}`)).toMatchObject({ status: 0 });
    expect(await run('down', `--name=${name}`)).toMatchObject({ status: 0 });
  });
});

/** `docker compose` or the older `docker-compose`; undefined: neither is installed. */
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version'], { stdio: 'ignore' }).status === 0,
);

describe.skipIf(skip ?? !compose)(`rendered for compose ${skip ?? (compose ? '' : '(no compose here)')}`, () => {
  test('compose makes a group of it that serves', async () => {
    const name = aName();
    const [port = 0] = await freePorts(1);
    const directory = stage.directory();
    const [program = '', ...args] = compose ?? [];
    const composed = (...more: readonly string[]) =>
      spawnSync(program, [...args, '-p', name, ...more], { cwd: directory, encoding: 'utf8', timeout: PATIENCE_MS });
    const ours = [`--name=${name}`, '--members=2', `--image=${IMAGES.stock}`, `--port=${port}`, 'demo-native'];
    const { status, stdout } = await run('render', ...ours, '--', '--tensor-parallel-size=2', '--custom-param=5$ a');
    expect(status).toBe(0);
    writeFileSync(join(directory, 'compose.yaml'), stdout);
    writeFileSync(join(directory, 'token'), randomBytes(32).toString('base64'));
    expect(await stage.start(['install', join(directory, 'muster')]).ended(PATIENCE_MS)).toMatchObject({ status: 0 });
    try {
      const up = composed('up', '-d');
      expect(up.status, up.stderr).toBe(0);
      const models = await until('the server answers', async () => {
        const reply = await fetch(`http://127.0.0.1:${port}/v1/models`).catch(() => undefined);
        return reply?.ok && reply.text();
      });
      expect(models).toContain('5$ a');
    } finally {
      const down = composed('down', '-v');
      expect(down.status, down.stderr).toBe(0);
    }
    expect(pidsOf(name)).toEqual([]);
  });
});
