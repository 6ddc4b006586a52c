import { describe, expect, test } from 'vitest';
import { headProof, memberProof, newNonce, sameProof, seal, unseal } from '../../../src/launch/rally/auth.ts';
import {
  checkEnding,
  checkEngineCall,
  checkHello,
  checkRefusals,
  checkSeat,
  checkStart,
} from '../../../src/launch/rally/check.ts';
import { Missed } from '../../../src/launch/rally/dial.ts';
import { paceOf } from '../../../src/launch/rally/pace.ts';
import { outOfTime, type Where, waitingLine, workerWaits } from '../../../src/launch/rally/waiting.ts';
import { hostPort, rankList, seconds } from '../../../src/launch/rally/words.ts';
import { hello } from './fixture.ts';

describe('the token', () => {
  const nonces = { member: newNonce(), head: newNonce() };
  const token = 'correct horse battery';
  test('each side proves its own, and only its own', () => {
    const body = Buffer.from('hello');
    expect(sameProof(headProof(token, nonces), headProof(token, nonces))).toBe(true);
    expect(sameProof(memberProof(token, nonces, body), memberProof(token, nonces, body))).toBe(true);
    expect(sameProof(headProof(token, nonces), memberProof(token, nonces, Buffer.alloc(0)))).toBe(false);
    expect(sameProof(memberProof(token, nonces, body), memberProof(token, nonces, Buffer.from('hallo')))).toBe(false);
    expect(sameProof(headProof(token, nonces), headProof('another horse battery', nonces))).toBe(false);
    expect(sameProof(headProof(token, nonces), headProof(token, { ...nonces, head: newNonce() }))).toBe(false);
    expect(sameProof(Buffer.alloc(0), headProof(token, nonces))).toBe(false);
  });

  test('a sealed secret opens with the same token and nonces only', () => {
    const sealed = seal(token, nonces, 's3cret');
    expect(unseal(token, nonces, sealed)).toBe('s3cret');
    expect(sealed.includes('s3cret')).toBe(false);
    expect(unseal('another horse battery', nonces, sealed)).toBeUndefined();
    expect(unseal(token, { ...nonces, member: newNonce() }, sealed)).toBeUndefined();
    expect(unseal(token, nonces, sealed.subarray(1))).toBeUndefined();
    expect(unseal(token, nonces, Buffer.alloc(3))).toBeUndefined();
  });
});

describe('checkHello', () => {
  test('takes a good one', () => expect(checkHello(hello('worker-1'))).toEqual(hello('worker-1')));
  test.each([
    { when: 'no name', how: { member: '' }, want: /name/ },
    { when: 'a long name', how: { member: 'x'.repeat(254) }, want: /name/ },
    {
      when: 'a name that forges a log line',
      how: { member: 'a\nmuster +1s: all is well' },
      want: /name "a\\x0amuster/,
    },
    { when: 'no incarnation', how: { incarnation: '' }, want: /incarnation/ },
    { when: 'a name for an address', how: { address: 'worker-1.svc' }, want: /no IP address/ },
    { when: 'a bracketed address', how: { address: '[::1]' }, want: /no IP address/ },
    {
      when: 'a thousand terms',
      how: { terms: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${i}`, ''])) },
      want: /1000 terms/,
    },
    { when: 'a value of 5000 characters', how: { versions: { muster: 'x'.repeat(5000) } }, want: /versions: "muster"/ },
  ])('with $when → refused', ({ how, want }) => expect(checkHello(hello('worker-1', how))).toMatch(want));
});

describe('what a head says', () => {
  const seat = {
    rank: 1,
    worldSize: 2,
    generation: 1,
    beatMs: 1000,
    leaseMs: 3000,
    head: '',
    headIncarnation: '',
    headPhase: undefined,
    leftMs: 0,
  };
  test.each([
    { when: 'rank 0', how: { rank: 0 } },
    { when: 'a rank beyond the group', how: { rank: 2 } },
    { when: 'generation 0', how: { generation: 0 } },
    { when: 'no beats', how: { beatMs: 0 } },
    { when: 'a lease shorter than a beat', how: { leaseMs: 500 } },
    { when: 'a million members', how: { worldSize: 1_000_000 } },
  ])('a seat with $when is not believed', ({ how }) => expect(checkSeat({ ...seat, ...how })).toBeTypeOf('string'));

  test.each(['h:1', '[::1]:6379', '10.0.0.1:6379', 'head.ns.svc:6379'])('an engine at %s', (address) => {
    expect(checkEngineCall(address, undefined)).toEqual({ address, secret: undefined });
  });
  test.each(['', 'head', '::1:6379', 'a b:1', 'head:99999999', '--evil:1\n'])('no engine at %j', (address) => {
    expect(checkEngineCall(address, undefined)).toBeTypeOf('string');
  });

  const peer = (rank: number) => ({ member: `m${rank}`, incarnation: 'ab', rank, address: '::1', devices: undefined });
  const start = { peers: [peer(0), peer(1)], serverArgs: ['--a', 'ü\n'], values: { model: 'x' } };
  test.each([2, 1])('a start with %i of 2 peers is taken as it is', (count) => {
    const given = { ...start, peers: start.peers.slice(0, count) };
    expect(checkStart(given, 2)).toEqual(given);
  });
  test.each([
    { when: 'no peers', how: { peers: [] } },
    { when: 'no head among the peers', how: { peers: [peer(1)] } },
    { when: 'a peer beyond the group', how: { peers: [peer(0), peer(2)] } },
    { when: 'a rank twice', how: { peers: [peer(0), peer(0)] } },
    { when: 'a peer that is no address', how: { peers: [peer(0), { ...peer(1), address: 'x' }] } },
    { when: 'a NUL in an argument', how: { serverArgs: ['a\0b'] } },
    { when: 'a NUL in a value', how: { values: { a: '\0' } } },
  ])('a start with $when is not believed', ({ how }) =>
    expect(checkStart({ ...start, ...how }, 2)).toBeTypeOf('string'),
  );

  test.each([
    {
      when: 'a known code',
      given: { code: 'ENGINE_LOST', exitStatus: 79, message: 'a\x1b[2J', hint: '', culprit: 'w' },
      want: { code: 'ENGINE_LOST', message: 'a\\x1b[2J', exitStatus: 79 },
    },
    {
      when: 'a status no process has',
      given: { code: 'ENGINE_LOST', exitStatus: 1234, message: '', hint: '', culprit: undefined },
      want: { exitStatus: 79 },
    },
    {
      when: 'a code of its own',
      given: { code: 'toString', exitStatus: 0, message: 'x', hint: '', culprit: undefined },
      want: { code: 'GROUP_LOST', exitStatus: 79 },
    },
    { when: 'nothing', given: undefined, want: { code: 'GROUP_LOST', message: 'w left without a reason' } },
  ])('an ending with $when', ({ given, want }) => expect(checkEnding(given, 'w')).toMatchObject(want));

  test('a refusal without a reason still is one', () => {
    expect(checkRefusals([])).toMatchObject([{ code: 'PROTOCOL' }]);
    expect(checkRefusals([{ code: 'NOPE', message: 'm', hint: '' }])).toMatchObject([
      { code: 'PROTOCOL', message: 'm' },
    ]);
  });
});

describe('words', () => {
  test.each([
    [[2], 'rank 2'],
    [[1, 3, 4, 5], 'ranks 1, 3-5'],
    [Array.from({ length: 40 }, (_, i) => i * 2), 'ranks 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, …'],
  ])('rankList(%j) → %s', (ranks, want) => expect(rankList(ranks)).toBe(want));
  test.each([
    [0, '0 s'],
    [3100, '3.1 s'],
    [3000, '3 s'],
    [15_400, '15 s'],
    [600_000, '600 s'],
  ])('seconds(%d) → %s', (ms, want) => expect(seconds(ms)).toBe(want));
  test('IPv6 is bracketed', () => expect([hostPort('::1', 7), hostPort('h', 7)]).toEqual(['[::1]:7', 'h:7']));
});

describe('what a waiting worker says', () => {
  const last = new Missed('DNS', 'the name does not resolve (ENOTFOUND)', 'look');
  const seat = { rank: 1, worldSize: 3, generation: 1, beatMs: 1000, leaseMs: 3000 };
  const wait = { head: 'head.ns.svc:7600', waitedMs: 15_000, timeoutMs: 600_000 };
  test.each([
    { where: {}, want: 'waiting 15 s of 600 s for the head head.ns.svc:7600: first attempt' },
    {
      where: { last },
      want: 'waiting 15 s of 600 s for the head head.ns.svc:7600: DNS: the name does not resolve (ENOTFOUND); next step: look',
    },
    { where: { seat }, want: 'waiting 15 s: seated as rank 1 of 3 members' },
    {
      where: { seat, missing: { count: 1, ranks: [2] } },
      want: 'waiting 15 s: seated as rank 1, 1 of 3 members missing: rank 2',
    },
    {
      where: { seat, missing: { count: 0, ranks: [] }, headPhase: 'engine' as const },
      want: 'waiting 15 s: seated as rank 1, all 3 members are in; the head is in phase engine',
    },
  ])('$want', ({ where, want }) => expect(waitingLine(where, wait)).toBe(want));

  test.each<{ when: string; where: Where; want: readonly string[] | undefined }>([
    { when: 'nothing was tried', where: {}, want: ['rank 0 at DNS: first attempt'] },
    {
      when: 'the port is shut',
      where: { last: new Missed('TCP', 'h:7600 refuses (ECONNREFUSED)', 'look') },
      want: ['rank 0 at TCP: h:7600 refuses (ECONNREFUSED)'],
    },
    { when: 'just seated', where: { seat }, want: ['rank 0 at rally: the head is in phase joined'] },
    {
      when: 'two are missing',
      where: { seat, missing: { count: 2, ranks: [2, 3] } },
      want: ['rank 2 at rally: is not in', 'rank 3 at rally: is not in'],
    },
    {
      when: 'all are in',
      where: { seat, missing: { count: 0, ranks: [] } },
      want: ['rank 0 at engine: the head is in phase joined'],
    },
    {
      when: 'the server starts',
      where: { seat, missing: { count: 0, ranks: [] }, headPhase: 'serving' },
      want: ['rank 0 at server: the head is in phase serving'],
    },
    { when: 'the group is ready', where: { seat, headPhase: 'ready' }, want: undefined },
    { when: 'the head stops', where: { seat, headPhase: 'stopping' }, want: undefined },
  ])('awaited when $when', ({ where, want }) => {
    const waits = workerWaits(where, wait, { name: 'head', since: 3 });
    expect(waits?.awaited.map(({ rank, layer, detail }) => `rank ${rank} at ${layer}: ${detail}`)).toEqual(want);
    if (want) expect(waits?.line).toBe(waitingLine(where, wait));
  });

  test.each([
    { wasReached: false, code: 'HEAD_UNREACHABLE' },
    { wasReached: true, code: 'RALLY_TIMEOUT' },
  ])('at the end, reached: $wasReached → $code', ({ wasReached, code }) => {
    expect(outOfTime({ wasReached, last }, { host: '::1', port: 7 }, 1000)).toMatchObject({
      code,
      message: expect.stringContaining('DNS: the name'),
    });
  });
});

test.each([
  { size: 2, asked: { beatMs: 1000, leaseMs: 3000 }, want: { beatMs: 1000, leaseMs: 3000 } },
  { size: 2, asked: { beatMs: 300, leaseMs: 700 }, want: { beatMs: 300, leaseMs: 700 } },
  { size: 500, asked: { beatMs: 1000, leaseMs: 3000 }, want: { beatMs: 1000, leaseMs: 3000 } },
  { size: 1000, asked: { beatMs: 1000, leaseMs: 3000 }, want: { beatMs: 2000, leaseMs: 6000 } },
  { size: 1000, asked: { beatMs: 1000, leaseMs: 20_000 }, want: { beatMs: 2000, leaseMs: 20_000 } },
  { size: 5000, asked: { beatMs: 1000, leaseMs: 3000 }, want: { beatMs: 10_000, leaseMs: 30_000 } },
])('$size members that ask for $asked beat $want', ({ size, asked, want }) => {
  expect(paceOf(size, asked)).toEqual(want);
});
