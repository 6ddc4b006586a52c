/** Members and heads that go: killed, cut off, frozen, or with a reason. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aFreePort, aHead, aMember, aStartedGroup, hello, incarnation, now, refusal, TOKEN, Wire } from './fixture.ts';

describe('after the start', () => {
  test('a member whose connection breaks ends the generation for all, in the same words', async () => {
    const { head, wires, members } = await aStartedGroup(['worker-1', 'worker-2']);
    const victim = members.findIndex((member) => member.ear.lines.length >= 0);
    const rank = (await members[victim]!.seated).rank;
    wires[victim]!.cut();
    const ending = await head.ended;
    expect(ending).toMatchObject({
      code: 'GROUP_LOST',
      exitStatus: 79,
      culprit: 'worker-1',
      message: `generation 1 ended: worker-1 (rank ${rank}) closed its connection`,
    });
    expect(await members[1]!.ended).toEqual(ending);
    expect(await members[0]!.ended).toMatchObject({ code: 'GROUP_LOST', exitStatus: 79, culprit: 'head' });
  });

  test('a member that only we no longer hear is noticed by both ends (fault 27)', async () => {
    const { head, wires, members } = await aStartedGroup(['worker-1'], { leaseMs: 2_000 });
    wires[0]!.deafen();
    expect((await members[0]!.ended).message).toMatch(/generation 1 ended: the head head stopped beating [\d.]+ s ago/);
    expect(await head.ended).toMatchObject({ code: 'GROUP_LOST', culprit: 'worker-1' });
  });

  test('a member’s reason reaches everyone', async () => {
    const { head, members } = await aStartedGroup(['worker-1', 'worker-2', 'worker-3']);
    const reason = {
      code: 'SERVER_EXITED',
      exitStatus: 3,
      message: 'server exited 3',
      hint: 'look',
      culprit: undefined,
    } as const;
    await members[1]!.leave(reason);
    for (const { ended } of [head, ...members]) expect(await ended).toEqual({ ...reason, culprit: 'worker-2' });
    expect(await refusal(head.reached('ready'))).toMatchObject({ code: 'SERVER_EXITED', exitStatus: 3 });
  });

  test('the head’s reason reaches everyone before its port closes', async () => {
    const { head, members } = await aStartedGroup(['worker-1', 'worker-2']);
    const reason = { code: 'ENGINE_LOST', exitStatus: 79, message: 'GCS is gone', hint: '', culprit: 'head' } as const;
    await Promise.all([head.stop(reason), head.stop(reason)]);
    for (const { ended } of [head, ...members]) expect(await ended).toEqual(reason);
  });

  test('a member that hands over is not missed', async () => {
    const { head, members } = await aStartedGroup(['worker-1', 'worker-2'], { leaseMs: 300 });
    await members[0]!.handOver();
    members[1]!.report('handed-over');
    await head.reached('handed-over');
    await members[1]!.leave({ code: 'SERVER_EXITED', exitStatus: 0, message: 'x', hint: '', culprit: undefined });
    expect(await head.ended).toMatchObject({ culprit: 'worker-2' });
  });

  test('a member that was asked to stop and goes before the head has drained: the others hear of the stop', async () => {
    const { head, wires, members } = await aStartedGroup(['worker-1', 'worker-2']);
    members[0]!.report('stopping');
    const ending = await head.ended;
    expect(ending).toMatchObject({ code: 'STOPPED', culprit: 'worker-1' });
    wires[0]!.cut();
    expect(await members[1]!.ended).toEqual(ending);
    expect(await refusal(head.reached('ready'))).toMatchObject({ code: 'STOPPED' });
  });

  test('a head that hands over ends nobody', async () => {
    const { head, members } = await aStartedGroup(['worker-1', 'worker-2']);
    let over = 0;
    for (const { ended } of members) ended.then(() => (over += 1));
    await head.handOver();
    for (const { ear } of members) await ear.hears(/handed its machine over to the server/);
    expect(over).toBe(0);
  });

  test('a restarted member ends the generation, and finds the next one', async () => {
    const port = await aFreePort();
    const { head, members } = await aStartedGroup(['worker-1'], { port });
    const newer = { self: hello('worker-1', { address: '127.0.0.1', incarnation: incarnation('worker-1', 2) }) };
    const back = aMember('worker-1', port, newer);
    const ending = await head.ended;
    expect(ending).toMatchObject({
      code: 'GROUP_LOST',
      message: 'generation 1 ended: worker-1 (rank 1) was restarted while the group was running',
    });
    expect(await members[0]!.ended).toEqual(ending);
    await back.ear.hears(/seat: generation 1 is over: /);
    await head.stop(ending);
    const next = await aHead({ port, generation: 2 });
    expect(await back.seated).toMatchObject({ rank: 1, generation: 2 });
    await next.assembled;
  });
});

describe('before the start', () => {
  test('a broken connection is joined again, with the same rank (fault 26)', async () => {
    const head = await aHead({ worldSize: 3 });
    const wire = await Wire.to(head.port);
    const member = aMember('worker-1', wire.port);
    await member.seated;
    wire.cut();
    await member.ear.hears(/the head head closed its connection.*; looking for it again/);
    await member.ear.hears(/back at the head head/);
    aMember('worker-2', head.port);
    expect((await head.assembled).map(({ member: name }) => name)).toEqual(['head', 'worker-1', 'worker-2']);
  });

  test('a new head is found, and gives the same rank to who asked for none (fault 22)', async () => {
    const first = await aHead({ worldSize: 3 });
    const wires = await Promise.all([Wire.to(first.port), Wire.to(first.port)]);
    const one = aMember('worker-1', wires[0]!.port);
    expect((await one.seated).rank).toBe(1);
    const two = aMember('worker-2', wires[1]!.port);
    expect((await two.seated).rank).toBe(2);
    const second = await aHead({
      worldSize: 3,
      self: hello('head', { address: '127.0.0.1', incarnation: incarnation('head', 2) }),
    });
    for (const wire of wires.toReversed()) {
      wire.redirect(second.port);
      wire.cut();
    }
    expect((await second.assembled).map(({ member: name }) => name)).toEqual(['head', 'worker-1', 'worker-2']);
  });

  test('a new head after the engine was prepared is a new group', async () => {
    const first = await aHead({ worldSize: 3 });
    const wire = await Wire.to(first.port);
    const member = aMember('worker-1', wire.port);
    first.prepare({ address: '127.0.0.1:6379', secret: undefined });
    await member.prepared;
    const second = await aHead({
      worldSize: 3,
      self: hello('head', { address: '127.0.0.1', incarnation: incarnation('head', 2) }),
    });
    wire.redirect(second.port);
    wire.cut();
    expect(await member.ended).toMatchObject({
      code: 'GROUP_LOST',
      exitStatus: 79,
      message: 'generation 1 ended: the head head was restarted',
    });
  });

  test('a head that goes and never comes back: 75 within the time', async () => {
    const head = await aHead({ worldSize: 3 });
    const wire = await Wire.to(head.port);
    const member = aMember('worker-1', wire.port, { timeoutMs: 5_000 });
    await member.seated;
    wire.redirect(await aFreePort());
    wire.cut();
    expect(await member.ended).toMatchObject({ code: 'RALLY_TIMEOUT', exitStatus: 75 });
  });
});

/** A member as its own process, so that it can be frozen. */
async function aChild(
  port: number,
): Promise<{ child: ChildProcess; says: (what: string) => Promise<Record<string, unknown>> }> {
  const program = fileURLToPath(new URL('member-program.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), TOKEN], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: Record<string, unknown>[] = [];
  let woken = () => {};
  createInterface(child.stdout!).on('line', (line) => {
    said.push(JSON.parse(line));
    woken();
  });
  const says = async (what: string) => {
    for (;;) {
      const found = said.find((each) => what in each);
      if (found) return found;
      await new Promise<void>((resolve) => {
        woken = resolve;
      });
    }
  };
  return { child, says };
}

describe('a member as its own process', () => {
  test('frozen: its lease runs out; thawed: it hears the same reason (fault 21)', async () => {
    const head = await aHead({ leaseMs: 3_000 });
    const { child, says } = await aChild(head.port);
    const peers = await head.assembled;
    head.start({ peers, serverArgs: [], values: {} });
    await says('started');
    child.kill('SIGSTOP');
    const ending = await head.ended;
    expect(ending).toMatchObject({ code: 'GROUP_LOST', culprit: 'frozen' });
    expect(ending.message).toMatch(/generation 1 ended: frozen \(rank 1\) stopped beating [\d.]+ s ago/);
    child.kill('SIGCONT');
    expect((await says('ended')).ended).toEqual(ending);
  });

  test('not lost by a head whose own loop stood still for three leases', async () => {
    const head = await aHead({ leaseMs: 1_500, token: undefined });
    const program = fileURLToPath(new URL('beating-program.ts', import.meta.url));
    const child = spawn(process.execPath, [program, String(head.port), '40'], { stdio: 'inherit' });
    onTestFinished(() => void child.kill('SIGKILL'));
    head.start({ peers: await head.assembled, serverArgs: [], values: {} });
    const until = now() + 4_500;
    while (now() < until);
    await head.reached('ready'); // the member says so after forty beats of ours: its lease would be over twice
  });

  test('killed: noticed at once', async () => {
    const head = await aHead({ leaseMs: 60_000 });
    const { child, says } = await aChild(head.port);
    const peers = await head.assembled;
    head.start({ peers, serverArgs: [], values: {} });
    await says('started');
    child.kill('SIGKILL');
    expect((await head.ended).message).toBe('generation 1 ended: frozen (rank 1) closed its connection');
  });
});
