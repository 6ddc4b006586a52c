import { describe, expect, test } from 'vitest';
import type { RallyHeadOptions } from '../../../src/launch/rally/head.ts';
import type { RallyMemberOptions } from '../../../src/launch/rally/member.ts';
import { aFreePort, aHead, aMember, hello, incarnation, refusal, TOKEN, Wire } from './fixture.ts';

const OTHER = 'another horse battery staple';
const self = (how: Parameters<typeof hello>[1]) => ({ self: hello('worker-9', { address: '127.0.0.1', ...how }) });

interface Case {
  readonly when: string;
  readonly head?: Partial<RallyHeadOptions>;
  readonly member?: Partial<RallyMemberOptions>;
  readonly code: string;
  readonly exit: number;
  readonly words: readonly string[];
}

const CASES: readonly Case[] = [
  {
    when: 'the tokens differ',
    member: { token: OTHER },
    code: 'TOKEN_WRONG',
    exit: 77,
    words: ['another token than the head'],
  },
  {
    when: 'only the head has a token',
    member: { token: undefined },
    code: 'TOKEN_WRONG',
    exit: 77,
    words: ['the head has a token and the member has none'],
  },
  {
    when: 'only the member has a token',
    head: { token: undefined },
    code: 'TOKEN_WRONG',
    exit: 77,
    words: ['the member has a token and the head has none'],
  },
  {
    when: 'a term differs',
    member: self({ terms: { 'tensor-parallel-size': '8' } }),
    code: 'PLAN_MISMATCH',
    exit: 78,
    words: ['tensor-parallel-size: head "4", worker-9 "8"'],
  },
  {
    when: 'a version differs',
    member: self({ versions: { muster: '0.2.0' } }),
    code: 'VERSION_MISMATCH',
    exit: 76,
    words: ['muster: head "0.1.0", worker-9 "0.2.0"'],
  },
  {
    when: 'the model differs',
    head: { self: hello('head', { address: '127.0.0.1', fingerprint: 'aaaa' }) },
    member: self({ fingerprint: 'bbbb' }),
    code: 'MODEL_MISMATCH',
    exit: 78,
    words: ['head "aaaa", worker-9 "bbbb"'],
  },
  {
    when: 'the rank is beyond the group',
    member: self({ wantedRank: 3 }),
    code: 'TOPOLOGY_INVALID',
    exit: 78,
    words: ['asks for rank 3', 'ranks 0 to 2'],
  },
  {
    when: 'the rank is the head’s',
    member: self({ wantedRank: 0 }),
    code: 'RANK_TAKEN',
    exit: 78,
    words: ['rank 0', 'head at 127.0.0.1'],
  },
  {
    when: 'the name forges a log line',
    member: { self: hello('a\nb', { address: '127.0.0.1' }) },
    code: 'PROTOCOL',
    exit: 76,
    words: ['"a\\x0ab"'],
  },
];

describe.each(CASES)('when $when → $code', ({ head: headHow, member: memberHow, code, exit, words }) => {
  test('the member ends at once, after one visit; the head says so and waits on (faults 18, 19)', async () => {
    const head = await aHead({ worldSize: 3, ...headHow });
    const wire = await Wire.to(head.port);
    const member = aMember('worker-9', wire.port, memberHow);
    const error = await refusal(member.seated);
    expect(error).toMatchObject({ code, exitStatus: exit });
    for (const word of words) expect(error.message).toContain(word);
    expect(await member.ended).toMatchObject({ code, exitStatus: exit });
    // The knock and the stream; twice more where nobody had a core to answer within the second that a hello may take.
    expect([2, 4, 6]).toContain(wire.connections);

    await head.ear.hears(new RegExp(`WARN refused .* at 127.0.0.1: ${code}`));
    await head.ear.hears(new RegExp(`waiting .*2 of 3 members missing.*; refused: .*${code}.*; next step: correct`));
    expect(head.ear.lines.join('')).not.toMatch(new RegExp(`${TOKEN}|${OTHER}`));
  });
});

test('after a wrong token the right member still gets its seat (fault 18)', async () => {
  const head = await aHead();
  await refusal(aMember('worker-1', head.port, { token: OTHER }).seated);
  await aMember('worker-1', head.port).seated;
  await head.assembled;
});

test('a second claimant of a rank is refused, naming the holder (fault 20)', async () => {
  const head = await aHead({ worldSize: 3 });
  const first = aMember('worker-1', head.port, { self: hello('worker-1', { wantedRank: 1, address: '127.0.0.1' }) });
  await first.seated;
  const error = await refusal(aMember('worker-9', head.port, self({ wantedRank: 1 })).seated);
  expect(error).toMatchObject({ code: 'RANK_TAKEN', exitStatus: 78 });
  expect(error.message).toContain('worker-9 at 127.0.0.1 asks for rank 1, which worker-1 at 127.0.0.1 holds');
});

test('a newer life of a member gets its rank, the older is fenced: 80 (fault 20)', async () => {
  const head = await aHead({ worldSize: 3 });
  const older = aMember('worker-1', head.port);
  await older.seated;
  const newer = aMember('worker-1', head.port, {
    self: hello('worker-1', { address: '127.0.0.1', incarnation: incarnation('worker-1', 2) }),
  });
  expect((await newer.seated).rank).toBe(1);
  expect(await older.ended).toMatchObject({ code: 'FENCED', exitStatus: 80 });
  const again = aMember('worker-1', head.port);
  expect(await refusal(again.seated)).toMatchObject({ code: 'FENCED', exitStatus: 80 });
});

test('too few devices: everybody is told both numbers', async () => {
  const head = await aHead({ devicesNeeded: 8 });
  const member = aMember('worker-1', head.port);
  const error = await refusal(head.assembled);
  expect(error).toMatchObject({
    code: 'DEVICES_SHORT',
    exitStatus: 78,
    message: 'the plan needs 8 devices, the 2 members have 4: head 2, worker-1 2',
  });
  expect((await member.ended).message).toBe(error.message);
});

describe('the port', () => {
  test('taken: names it and its owner', async () => {
    const head = await aHead();
    const error = await refusal(aHead({ port: head.port }));
    expect(error).toMatchObject({ code: 'PORT_TAKEN', exitStatus: 78 });
    expect(error.message).toContain(`127.0.0.1:${head.port} is taken`);
    expect(error.message).toContain(`by process ${process.pid}: `);
  });

  test('of an address this machine has not', async () => {
    const error = await refusal(aHead({ host: '192.0.2.1' }));
    expect(error).toMatchObject({ code: 'ADDRESS_UNAVAILABLE', exitStatus: 78 });
    expect(error.message).toContain('192.0.2.1:0');
  });

  test('is free again after stop', async () => {
    const port = await aFreePort();
    const first = await aHead({ port });
    await first.stop({ code: 'GROUP_LOST', exitStatus: 79, message: 'x', hint: '', culprit: undefined });
    await aHead({ port });
  });
});
