import { describe, expect, test } from 'vitest';
import { lookAtShm } from '../../../src/doctor/facts/shared-memory.ts';
import { needsOfPlan, needsOfSettings } from '../../../src/doctor/needs.ts';
import { quickWarnings } from '../../../src/doctor/quick.ts';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { resolveSettings } from '../../../src/launch/args/settings.ts';
import { FACTS, type Member, planOf } from '../plan/fixture.ts';
import { tree } from './fixture.ts';

const GROUP = [
  '--world-size=2',
  '--rank=0',
  '--head-address=10.0.0.7',
  '--engine=ray',
  '--',
  '--tensor-parallel-size=4',
];
const settings = resolveSettings(parseFlags([]).flags, {}).settings;
const warnings = (root: string, member: Member, env = {}) =>
  quickWarnings({ plan: planOf(member), settings, env, root: tree(root) });
const member: Member = { argv: GROUP, env: { MODEL_DIR: '/m' }, facts: { devices: 2 } };

describe('what a launch says of its machine before it goes on', () => {
  test.each([
    {
      when: 'few files and locked memory beside RDMA',
      of: 'low-limits-and-rdma',
      env: {},
      says: [/^\/dev\/shm: not there/, /nofile.*1024/, /memlock/],
    },
    { when: 'a proxy', of: 'segments-left', env: { http_proxy: 'http://p' }, says: [/^http_proxy: set, and no_proxy/] },
    {
      when: 'an interface that is not here',
      of: 'segments-left',
      env: { NCCL_SOCKET_IFNAME: 'nosuch' },
      says: [/^NCCL_SOCKET_IFNAME: "nosuch".*→/],
    },
    { when: 'nothing to say', of: 'segments-left', env: {}, says: [] },
  ])('$when', ({ of, env, says }) => {
    const words = warnings(of, member, env);
    expect(words).toHaveLength(says.length);
    for (const [at, pattern] of says.entries()) expect(words[at]).toMatch(pattern);
  });

  test('one machine with several shards hears of its memory only, not of names and proxies', () => {
    const alone: Member = { argv: ['--', '--tensor-parallel-size=2'], env: { MODEL_DIR: '/m' }, facts: { devices: 2 } };
    expect(warnings('no-limits', alone, { http_proxy: 'http://p' })).toEqual([
      expect.stringMatching(/^\/dev\/shm: not there/),
    ]);
    expect(lookAtShm(tree('no-limits'))).toBeUndefined();
  });
});

describe('what the plan needs of this machine', () => {
  const needs = (argv: readonly string[], env = {}) =>
    needsOfPlan({
      plan: planOf({ argv, env: { MODEL_DIR: '/m', ...env }, facts: { devices: 4 } }),
      settings: resolveSettings(parseFlags(argv.slice(0, argv.indexOf('--'))).flags, {}).settings,
      program: 'vllm',
    });

  test.each([
    { who: 'the head of a Ray group', argv: GROUP, ports: ['rally 7600', 'engine 6379', 'server 8000', 'probe 7601'] },
    {
      who: 'a worker of a Ray group',
      argv: GROUP.map((each) => each.replace('--rank=0', '--rank=1')),
      ports: ['probe 7601'],
    },
    { who: 'one member', argv: ['--probe-port=0', '--'], ports: ['server 8000'] },
  ])('$who listens on $ports', ({ argv, ports }) => {
    expect(needs(argv).ports.map(({ use, port }) => `${use} ${port}`)).toEqual(ports);
  });

  test('shards are spread over the members, rounded up', () => {
    expect(needs(['--world-size=3', '--rank=0', '--', '--tensor-parallel-size=8'])).toMatchObject({
      shards: 8,
      shardsHere: 3,
      kind: 'gpu',
      modelDir: '/m',
      fromHub: false,
    });
  });

  test('a refused plan leaves what was set', () => {
    const env = { RAY_NODE_COUNT: '2', HEAD_SVC: 'head-1', POD_NAMESPACE: 'team' };
    const set = resolveSettings(parseFlags([]).flags, env).settings;
    expect(needsOfSettings(set, env, FACTS)).toMatchObject({
      worldSize: 2,
      role: 'worker',
      headAddress: 'head-1.team.svc',
      engine: undefined,
    });
  });
});
