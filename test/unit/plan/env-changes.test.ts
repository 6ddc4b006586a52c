import { describe, expect, test } from 'vitest';
import { serverCommand } from '../../../src/launch/plan/render.ts';
import { FACTS, planOf } from './fixture.ts';

const several = ['--world-size=2', '--rank=0'];
const model = { MODEL_ID: 'org/qwen' };

describe("what the server's environment has more", () => {
  test('one address and one interface for everything that would guess', () => {
    expect(planOf({ argv: several, env: model }).env.defaults).toEqual({
      VLLM_NO_USAGE_STATS: '1',
      VLLM_HOST_IP: '10.0.0.7',
      NCCL_SOCKET_IFNAME: 'eth0',
      GLOO_SOCKET_IFNAME: 'eth0',
      TP_SOCKET_IFNAME: 'eth0',
    });
  });

  test.each([
    { when: 'the group has one member', argv: [], more: {}, facts: {}, want: { VLLM_NO_USAGE_STATS: '1' } },
    {
      when: 'the user has set some, empty ones too',
      argv: several,
      more: { NCCL_SOCKET_IFNAME: 'ib0', GLOO_SOCKET_IFNAME: '', VLLM_NO_USAGE_STATS: '0', VLLM_HOST_IP: '10.1.1.1' },
      facts: {},
      want: { TP_SOCKET_IFNAME: 'eth0' },
    },
    {
      when: 'the address is IPv6, without brackets',
      argv: several,
      more: { NCCL_SOCKET_IFNAME: 'x', GLOO_SOCKET_IFNAME: 'x', TP_SOCKET_IFNAME: 'x' },
      facts: { address: { ...FACTS.address, value: 'fd00::7' } },
      want: { VLLM_NO_USAGE_STATS: '1', VLLM_HOST_IP: 'fd00::7' },
    },
    {
      when: 'the interface is not known',
      argv: several,
      more: {},
      facts: { address: { ...FACTS.address, interface: undefined } },
      want: { VLLM_NO_USAGE_STATS: '1', VLLM_HOST_IP: '10.0.0.7' },
    },
  ])('when $when → $want', ({ argv, more, facts, want }) => {
    expect(planOf({ argv, env: { ...model, ...more }, facts }).env.defaults).toEqual(want);
  });
});

describe("what the server's environment has less", () => {
  const env = {
    ...model,
    MUSTER_TOKEN: 'hunter2',
    MUSTER_RANK: '0',
    MUSTER_ANYTHING: 'x',
    NODE_OPTIONS: '--require=/x.js',
    LD_PRELOAD: '/y.so',
    PATH: '/bin',
    NCCL_SOCKET_IFNAME: 'ib0',
  };
  const plan = planOf({ argv: ['--world-size=2', '--head-address=10.0.0.7'], env });
  const seating = { rank: 0, headAddress: '10.0.0.7', fromHead: {}, serverArgs: [], engineEnv: { RAY_ADDRESS: 'a:1' } };

  test('our own variables and NODE_OPTIONS, sorted', () => {
    expect(plan.env.removed).toEqual(['MUSTER_ANYTHING', 'MUSTER_RANK', 'MUSTER_TOKEN', 'NODE_OPTIONS']);
  });

  test('the command gets the rest, the defaults and what the engine adds', () => {
    expect(serverCommand(plan, seating, env)?.env).toEqual({
      MODEL_ID: 'org/qwen',
      LD_PRELOAD: '/y.so',
      PATH: '/bin',
      NCCL_SOCKET_IFNAME: 'ib0',
      GLOO_SOCKET_IFNAME: 'eth0',
      TP_SOCKET_IFNAME: 'eth0',
      VLLM_HOST_IP: '10.0.0.7',
      VLLM_NO_USAGE_STATS: '1',
      RAY_ADDRESS: 'a:1',
    });
  });

  test('NODE_OPTIONS is worth a note (fault 15)', () => {
    expect(plan.notes).toContainEqual(expect.stringContaining('NODE_OPTIONS is set'));
  });
});
