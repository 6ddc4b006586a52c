import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../../../src/launch/args/settings.ts';
import { findAddress, isHere } from '../../../src/launch/facts/address.ts';
import { gatherFacts } from '../../../src/launch/facts/gather.ts';

const gather = (argv: readonly string[], env: Env = {}) =>
  gatherFacts(resolveSettings(parseFlags(argv).flags, env).settings, env);

/** Of no machine (RFC 5737); an IP needs no DNS. */
const ELSEWHERE = '192.0.2.1';
const routed = Object.values(networkInterfaces())
  .flat()
  .filter((each) => each && !each.internal && !each.address.startsWith('fe80:'));

describe('whether the head is on this machine', () => {
  test.each([
    { when: 'the address is loopback', argv: ['--world-size=2', '--head-address=127.0.0.1'], want: true },
    { when: 'the address is of nobody here', argv: ['--world-size=2', `--head-address=${ELSEWHERE}`], want: false },
    { when: 'a rank is given', argv: ['--world-size=2', '--head-address=127.0.0.1', '--rank=1'], want: undefined },
    { when: 'a role is given', argv: ['--world-size=2', '--head-address=127.0.0.1', '--role=worker'], want: undefined },
    {
      when: 'the scheduler gives a rank',
      argv: [],
      env: { LWS_LEADER_ADDRESS: '127.0.0.1', LWS_GROUP_SIZE: '2', LWS_WORKER_INDEX: '1' },
      want: undefined,
    },
    {
      when: 'the scheduler gives a role',
      argv: [],
      env: { HEAD_SVC: '127.0.0.1', RAY_NODE_COUNT: '2' },
      want: undefined,
    },
    { when: 'the group has one member', argv: ['--head-address=127.0.0.1'], want: undefined },
    { when: 'no address is known', argv: ['--world-size=2'], want: undefined },
  ])('$when → $want', async ({ argv, env = {}, want }) => {
    expect((await gather(argv, env)).facts.headIsHere).toBe(want);
  });
});

describe('the address of this member', () => {
  test.each([
    { when: 'it is set', argv: ['--address=10.9.9.9'], want: { value: '10.9.9.9', origin: 'flag --address' } },
    {
      when: 'the pod knows its IP',
      argv: [],
      env: { POD_IP: '10.9.9.9' },
      want: { value: '10.9.9.9', origin: 'env POD_IP' },
    },
    { when: 'the group has one member', argv: [], want: { value: '127.0.0.1', origin: 'world size 1' } },
    {
      when: 'the head is on loopback',
      argv: ['--world-size=2', '--rank=1', '--head-address=127.0.0.1'],
      want: { value: '127.0.0.1', origin: 'the head is on loopback' },
    },
  ])('$when → $want', async ({ argv, env = {}, want }) => {
    expect((await gather(argv, env)).facts.address).toMatchObject(want);
  });

  test('an interface of our own is named', async () => {
    const [mine] = routed;
    const question = { headAddress: undefined, loopbackWillDo: false };
    const { interface: name } = await findAddress({
      ...question,
      set: { value: mine?.address ?? '10.9.9.9', origin: 'x' },
    });
    expect(name === undefined).toBe(mine === undefined);
  });

  test('without a route or a name it still is an address, and says why', async () => {
    const found = await findAddress({ set: undefined, headAddress: undefined, loopbackWillDo: false });
    expect(found.origin).toMatch(/^first address, on |^no other interface is up$/);
    expect(await isHere(found.value)).toBe(true);
  });

  test.each([
    { argv: ['--address=me'], env: {}, code: 'USAGE', message: '--address is "me", not an IP address' },
    {
      argv: [],
      env: { MUSTER_ADDRESS: '[::1]' },
      code: 'CONFIG_INVALID',
      message: 'MUSTER_ADDRESS is "[::1]", not an IP address',
    },
    { argv: [], env: { POD_IP: '10.0.0' }, code: 'CONFIG_INVALID', message: 'POD_IP is "10.0.0", not an IP address' },
  ])('$argv $env → $code', async ({ argv, env, code, message }) => {
    expect((await gather(argv, env)).refusals).toMatchObject([{ code, message }]);
  });
});

test('the facts hold what was seen, and never the token', async () => {
  const { facts, token } = await gather(['--model-dir=/nowhere'], { MUSTER_TOKEN: 'hunter2hunter2' });
  expect(token).toBe('hunter2hunter2');
  expect(JSON.stringify(facts)).not.toContain('hunter2');
  expect(facts).toMatchObject({
    host: { hostname: hostname() },
    modelDirectory: { state: 'missing' },
    token: { origin: 'env MUSTER_TOKEN', bytes: 14 },
  });
  expect(facts.devices).toBeGreaterThanOrEqual(0);
});

test('an unreadable token file is told beside the facts', async () => {
  expect((await gather(['--token-file=/nowhere'])).refusals).toMatchObject([{ code: 'TOKEN_FILE_UNREADABLE' }]);
});
