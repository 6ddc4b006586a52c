/** One fault, many consequences: everybody names the same culprit. Engine native, four members. */
import { expect } from 'vitest';
import { expectEnd, type Muster, type Stage, test } from '../support/stage.ts';

async function aServingGroup(
  stage: Stage,
  lease: number,
  serverArgs: readonly string[] = [],
): Promise<readonly [Muster, ...Muster[]]> {
  const group = await stage.group({
    command: ['launch', 'model-server'],
    members: 4,
    options: [`--lease=${lease}`, '--grace=2'],
    serverArgs,
  });
  await Promise.all(group.slice(1).map((each) => each.said(/the whole group is ready/)));
  return group;
}

const servers = (stage: Stage, ranks: string) => stage.find(new RegExp(`model-server --port=\\d+ --rank=[${ranks}]`));

/** Of the lines that say why a generation ended. */
const sentenceOf = (stderr: string): string => /ERROR \w+ (.*?)\. → /.exec(stderr)?.[1] ?? stderr;

test('the servers of three workers end at once: the one the head heard of first is named by all', async ({ stage }) => {
  const [head, ...workers] = await aServingGroup(stage, 3);
  for (const pid of await servers(stage, '123')) process.kill(pid, 'SIGKILL');
  const ended = await Promise.all([head, ...workers].map((each) => each.ended()));
  expect(
    new Set(ended.map(({ stderr }) => sentenceOf(stderr))).size,
    ended.map(({ stderr }) => sentenceOf(stderr)).join('\n'),
  ).toBe(1);
  // Whoever it is has its server's status, and the others have lost their group.
  expect(ended.map(({ status }) => status).sort()).toEqual([137, 79, 79, 79]);
});

test('the head is frozen and a server ends with it: the head is named, not the consequence', async ({ stage }) => {
  const [head, ...workers] = await aServingGroup(stage, 1);
  head.kill('SIGSTOP');
  for (const pid of await servers(stage, '12')) process.kill(pid, 'SIGKILL');
  for (const worker of workers) {
    const says = /generation 1 ended: the head head stopped beating/;
    expectEnd(await worker.ended(), { status: 79, code: 'GROUP_LOST', says });
  }
  head.kill('SIGCONT');
  await head.ended();
});

test('the head is asked to stop, and takes its time: that is the reason everywhere, not that its server has ended', async ({
  stage,
}) => {
  const [head, ...workers] = await aServingGroup(stage, 3, ['--fork', '--only=0']);
  // Its child is found and ended after it, while the head still drains.
  head.kill('SIGTERM');
  for (const worker of workers) {
    expectEnd(await worker.ended(), { status: 79, says: /head was asked to stop by SIGTERM/ });
  }
  await head.ended();
});
