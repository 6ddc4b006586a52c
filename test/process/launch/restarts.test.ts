/** A group that was ready and loses a member meets again by itself; probes and last words tell of it. Engine native. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { aMeeting, freePorts, type Muster, RUNTIMES, type Stage, test } from '../support/stage.ts';

interface Group {
  readonly start: (rank: number) => Muster;
  readonly probePort: (rank: number) => number;
  readonly lastWords: (rank: number) => Record<string, unknown>;
}

/** @param ranked as a StatefulSet's pods; else the head gives the ranks, as to the replicas of a Deployment */
async function aGroupOf(stage: Stage, options: readonly string[], ranked = true): Promise<Group> {
  const { rally, engine, http } = await aMeeting();
  const probes = await freePorts(3);
  const directory = stage.directory();
  const probePort = (rank: number) => probes[rank] ?? 0;
  const log = (rank: number) => join(directory, `last-words-${rank}`);
  const start = (rank: number) => {
    const who = ranked || rank === 0 ? [`--rank=${rank}`] : ['--role=worker'];
    const place = ['--world-size=3', ...who, `--member=m${rank}`, '--head-address=127.0.0.1'];
    const ports = [
      `--rally-port=${rally}`,
      `--engine-port=${engine}`,
      `--server-port=${http}`,
      `--probe-port=${probePort(rank)}`,
    ];
    const ours = [`--runtimes=${RUNTIMES}`, `--termination-log=${log(rank)}`, '--grace=2', ...options];
    return stage.start([
      'launch',
      'model-server',
      ...place,
      ...ports,
      ...ours,
      ...(rank === 0 ? ['--', '--custom'] : []),
    ]);
  };
  return {
    start,
    probePort,
    lastWords: (rank) => JSON.parse(readFileSync(log(rank), 'utf8')) as Record<string, unknown>,
  };
}

const probe = async (port: number, path: string): Promise<number> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).status;

/** Kills a member outright; its server, which nobody ends in a test without containers, goes with it. */
async function killOutright(stage: Stage, victim: Muster, rank: number): Promise<void> {
  victim.kill('SIGKILL');
  await stage.kill(new RegExp(`model-server --port=\\d+ --rank=${rank}`));
  await victim.ended();
}

test('a worker is killed and comes back: ready again; a second time the budget is spent, and all say so', async ({
  stage,
}) => {
  const { start, probePort, lastWords } = await aGroupOf(stage, ['--restarts=1']);
  const [head, other] = [start(0), start(1)];
  const first = start(2);
  await Promise.all([
    head.said(/ready after/),
    other.said(/the whole group is ready/),
    first.said(/the whole group is ready/),
  ]);
  for (const rank of [0, 1, 2]) {
    expect(await Promise.all(['/livez', '/startupz', '/readyz'].map((path) => probe(probePort(rank), path)))).toEqual([
      200, 200, 200,
    ]);
  }

  await killOutright(stage, first, 2);
  await Promise.all([head, other].map((member) => member.said(/the group meets again: restart 1 of 1/)));
  for (const rank of [0, 1])
    expect([rank, await probe(probePort(rank), '/readyz'), await probe(probePort(rank), '/livez')]).toEqual([
      rank,
      503,
      200,
    ]);

  const second = start(2);
  await second.said(/the whole group is ready/);
  expect(await Promise.all([0, 1, 2].map((rank) => probe(probePort(rank), '/readyz')))).toEqual([200, 200, 200]);

  await killOutright(stage, second, 2);
  for (const [rank, member] of [head, other].entries()) {
    const { status, stderr } = await member.ended();
    expect({ rank, status }).toEqual({ rank, status: 79 });
    expect(stderr).toMatch(
      /RESTARTS_SPENT generation 2 ended: m2 \(rank 2\) closed its connection; the group was restarted 1 times/,
    );
    // The head's word, as it is: nobody adds a count of its own.
    expect(stderr.match(/no restart is left/g)).toHaveLength(1);
    expect(lastWords(rank)).toMatchObject({
      v: 1,
      origin: 'launcher',
      code: 'RESTARTS_SPENT',
      status: 79,
      culprit: 'm2',
      generation: 2,
    });
  }
});

test('the head is killed and comes back: workers without a rank of their own find it and keep theirs (fault 22)', async ({
  stage,
}) => {
  const { start } = await aGroupOf(stage, ['--restarts=2'], false);
  const head = start(0);
  const first = start(1);
  await head.said(/m1 .*is in as rank 1/);
  const second = start(2);
  const workers = [first, second];
  await Promise.all(workers.map((worker) => worker.said(/the whole group is ready/)));
  await killOutright(stage, head, 0);
  await Promise.all(workers.map((worker) => worker.said(/the group meets again: restart 1 of 2/)));
  const again = start(0);
  await again.said(/ready after/);
  await again.said(/m1 .*is in as rank 1/);
  await again.said(/m2 .*is in as rank 2/);
  for (const member of [again, ...workers]) member.kill('SIGTERM');
  const ended = await Promise.all([again, ...workers].map((member) => member.ended()));
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0]);
});

test('SIGTERM while the others wait for a lost member: 143 at once (fault 10)', async ({ stage }) => {
  const { start } = await aGroupOf(stage, ['--restarts=3']);
  const members = [start(0), start(1), start(2)] as const;
  await members[2].said(/the whole group is ready/);
  await killOutright(stage, members[2], 2);
  const rest = members.slice(0, 2);
  await Promise.all(rest.map((member) => member.said(/the group meets again/)));
  for (const member of rest) member.kill('SIGTERM');
  expect((await Promise.all(rest.map((member) => member.ended()))).map(({ status }) => status)).toEqual([143, 143]);
});
