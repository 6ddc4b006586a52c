/** A group that serves and loses a member: the others are told or notice, and end with all they started. Engine native. */
import { describe, expect } from 'vitest';
import { aMeeting, expectEnd, type Muster, type Stage, test } from '../support/stage.ts';

const LEASE_MS = 1_000;
/** Milliseconds for the news to cross and the servers to stop, on a machine that has other work. */
const TOLD_MS = 10_000;

interface Serving {
  readonly members: readonly [Muster, Muster, Muster];
  /** Ends what a killed muster could not: its server, an orphan now. In a container it dies with PID 1. */
  bury(): Promise<void>;
}

async function aServingGroup(stage: Stage, serverArgs: readonly string[] = []): Promise<Serving> {
  const options = [`--lease=${LEASE_MS / 1000}`];
  const [head, first, second] = await stage.group({
    command: ['launch', 'model-server'],
    members: 3,
    options,
    serverArgs,
  });
  await Promise.all([head, first!, second!].map((each) => each.printed(/ready/)));
  await Promise.all([first!, second!].map((each) => each.said(/the whole group is ready/)));
  return { members: [head, first!, second!], bury: () => stage.kill(/model-server --port/) };
}

/** Each of them ended with 79, with these words, at most so many milliseconds after `since`, and nobody of its own is left. */
async function expectLost(
  rest: readonly Muster[],
  says: RegExp,
  { since, withinMs }: { since: number; withinMs: number },
) {
  for (const member of rest) {
    const ended = await member.ended();
    expectEnd(ended, { status: 79, code: 'GROUP_LOST', says });
    expect(ended.at - since).toBeLessThan(withinMs);
  }
}

describe('killed with SIGKILL', () => {
  test('a worker: the others end with 79 within a second, their servers too', async ({ stage }) => {
    const { members, bury } = await aServingGroup(stage);
    const [head, victim, other] = members;
    const since = performance.now();
    victim.kill('SIGKILL');
    const says = /generation 1 ended: worker-1 \(rank 1\) closed its connection/;
    await expectLost([head, other], says, { since, withinMs: TOLD_MS });
    expect(await stage.find(/model-server --port/)).toHaveLength(1); // the victim's own
    await bury();
    await victim.ended();
  });

  test('the head: the workers end with 79 within a second, their servers too (fault 22)', async ({ stage }) => {
    const { members, bury } = await aServingGroup(stage);
    const [head, ...workers] = members;
    const since = performance.now();
    head.kill('SIGKILL');
    await expectLost(workers, /generation 1 ended: the head head closed its connection/, { since, withinMs: TOLD_MS });
    expect(await stage.find(/model-server --port/)).toHaveLength(1);
    await bury();
    await head.ended();
  });

  test('the server of a worker: its status there, 79 elsewhere', async ({ stage }) => {
    const { members } = await aServingGroup(stage);
    const since = performance.now();
    await stage.kill(/model-server --port=\d+ --rank=2/);
    const [head, first, second] = members;
    const says = /the server model-server of worker-2 was ended by signal 9, and nobody had asked it to/;
    expectEnd(await second.ended(), { status: 137, code: 'SERVER_EXITED', says });
    for (const member of [head, first]) {
      const ended = await member.ended();
      expectEnd(ended, { status: 79, code: 'SERVER_EXITED', says });
      expect(ended.at - since).toBeLessThan(TOLD_MS);
    }
  });
});

describe('frozen with SIGSTOP', () => {
  test('a worker: 79 when its lease is over; woken up, it ends too (fault 21)', async ({ stage }) => {
    const { members } = await aServingGroup(stage);
    const [head, victim, other] = members;
    const since = performance.now();
    victim.kill('SIGSTOP');
    const says = /generation 1 ended: worker-1 \(rank 1\) stopped beating [\d.]+ s ago/;
    await expectLost([head, other], says, { since, withinMs: 2 * LEASE_MS + TOLD_MS });
    victim.kill('SIGCONT');
    const ended = await victim.ended();
    expect(ended.status).toBe(79);
    expectEnd(ended, { status: 79, code: 'GROUP_LOST', says: /generation 1 ended: / });
  });

  test('the head: the workers end with 79 when its lease is over; woken up, it ends too (fault 21)', async ({
    stage,
  }) => {
    const { members } = await aServingGroup(stage);
    const [head, ...workers] = members;
    const since = performance.now();
    head.kill('SIGSTOP');
    const says = /generation 1 ended: the head head stopped beating [\d.]+ s ago/;
    await expectLost(workers, says, { since, withinMs: 2 * LEASE_MS + TOLD_MS });
    head.kill('SIGCONT');
    expectEnd(await head.ended(), { status: 79, code: 'GROUP_LOST', says: /worker-\d \(rank \d\)/ });
  });

  test('shorter than the lease: nothing happens', async ({ stage }) => {
    const { members } = await aServingGroup(stage);
    const [head, victim] = members;
    victim.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 3)); // the fault itself: a pause of that length
    victim.kill('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 1.5 * LEASE_MS)); // ... and the lease it might have cost
    expect(members.map(({ isOver }) => isOver)).toEqual([false, false, false]);
    head.kill('SIGTERM');
    await Promise.all(members.map((each) => each.ended()));
  });
});

describe('before the start', () => {
  test('a worker that is killed and started again gets its seat back', async ({ stage }) => {
    const group = {
      command: ['launch', 'model-server'],
      members: 3,
      meeting: await aMeeting(),
      options: ['--progress=0.3'],
    };
    const head = stage.member(0, group);
    const first = stage.member(1, group);
    await head.said(/worker-1 at 127\.0\.0\.1 is in as rank 1/);
    first.kill('SIGKILL');
    await head.said(/2 of 3 members missing: ranks 1-2 \(worker-1, gone/);
    const again = stage.member(1, group);
    await head.said(/1 of 3 members missing: rank 2/);
    const second = stage.member(2, group);
    await Promise.all([again, second].map((each) => each.said(/the whole group is ready/)));
    head.kill('SIGTERM');
    await Promise.all([head, first, again, second].map((each) => each.ended()));
  });

  /** Its engine was prepared by the first head: what that promised no longer holds (docs/rally.md). */
  test('a head that is killed and started again: the worker it had prepared ends with 79, and may come back', async ({
    stage,
  }) => {
    const group = {
      command: ['launch', 'model-server'],
      members: 3,
      meeting: await aMeeting(),
      options: ['--progress=0.1'],
    };
    const head = stage.member(0, group);
    const first = stage.member(1, group);
    await first.said(/seated as rank 1, 1 of 3 members missing: rank 2/);
    head.kill('SIGKILL');
    await first.said(/the head head closed its connection .*; looking for it again/);
    const again = stage.member(0, group);
    expectEnd(await first.ended(), {
      status: 79,
      code: 'GROUP_LOST',
      says: /generation 1 ended: the head head was restarted/,
    });
    const rest = [stage.member(1, group), stage.member(2, group)];
    await Promise.all(rest.map((each) => each.said(/the whole group is ready/)));
    again.kill('SIGTERM');
    await Promise.all([head, again, ...rest].map((each) => each.ended()));
  });
});
