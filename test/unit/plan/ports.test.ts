import { describe, expect, test } from 'vitest';
import { planOf, refusalsOf } from './fixture.ts';

const env = { MODEL_DIR: '/mnt/models' };
const several = ['--world-size=2', '--rank=0'];

/** `rally engine http grpc`, - for what there is not. */
const portsOf = (member: Parameters<typeof planOf>[0]): string => {
  const { rally, engine, http, grpc } = planOf(member).ports;
  return [rally.value, engine.value || '-', http?.value ?? '-', grpc?.value ?? '-'].join(' ');
};

describe('which ports: flag, else server arg, else env, else the runtime', () => {
  test.each([
    { when: 'vllm is alone', runtime: 'vllm', argv: [], want: '7600 - 8000 -' },
    { when: 'vllm is native', runtime: 'vllm', argv: several, want: '7600 29501 8000 -' },
    { when: 'vllm is on Ray', runtime: 'vllm', argv: ['--engine=ray', ...several], want: '7600 6379 8000 -' },
    { when: 'sglang is native', runtime: 'sglang', argv: several, want: '7600 20000 30000 -' },
    { when: 'a server has gRPC too', runtime: 'triton', argv: [], want: '7600 - 8000 8001' },
    {
      when: 'RAY_PORT is set',
      runtime: 'vllm',
      argv: ['--engine=ray', ...several],
      more: { RAY_PORT: '7777' },
      want: '7600 7777 8000 -',
    },
    {
      when: 'RAY_PORT is empty',
      runtime: 'vllm',
      argv: ['--engine=ray', ...several],
      more: { RAY_PORT: '' },
      want: '7600 6379 8000 -',
    },
    {
      when: 'RAY_PORT is not for native',
      runtime: 'vllm',
      argv: several,
      more: { RAY_PORT: '7777' },
      want: '7600 29501 8000 -',
    },
    {
      when: 'MASTER_PORT is set',
      runtime: 'vllm',
      argv: several,
      more: { MASTER_PORT: '7777' },
      want: '7600 7777 8000 -',
    },
    {
      when: 'the option wins over MASTER_PORT',
      runtime: 'vllm',
      argv: ['--engine-port=1', ...several],
      more: { MASTER_PORT: 'x' },
      want: '7600 1 8000 -',
    },
    { when: 'there is no engine', runtime: 'vllm', argv: ['--engine-port=8000'], want: '7600 - 8000 -' },
    { when: 'the server args say', runtime: 'vllm', argv: ['--', '--port', '9'], want: '7600 - 9 -' },
    { when: 'an option says', runtime: 'vllm', argv: ['--server-port=9', '--rally-port=10'], want: '10 - 9 -' },
    { when: 'both say', runtime: 'vllm', argv: ['--server-port=9', '--', '--port=8'], want: '7600 - 8 -' },
    {
      when: 'the gRPC port is in the server args',
      runtime: 'tensorflow-serving',
      argv: ['--', '--port=9'],
      want: '7600 - 8501 9',
    },
    { when: 'a command of the user has none', runtime: 'run', argv: ['--', 'true'], want: '7600 - - -' },
    {
      when: 'a command of the user is given one',
      runtime: 'run',
      argv: ['--server-port=9', '--', 'true'],
      want: '7600 - 9 -',
    },
  ])('$when → $want', ({ runtime, argv, more = {}, want }) => {
    expect(portsOf({ runtime, argv, env: { ...env, ...more } })).toBe(want);
  });

  test('an option that the server args overrule is worth a note', () => {
    expect(planOf({ argv: ['--server-port=9', '--', '--port=8'], env }).notes).toEqual([
      'server arg --port 8 wins over flag --server-port 9',
    ]);
  });
});

describe('ports that cannot be', () => {
  test.each([
    {
      when: 'rally and server',
      argv: [...several, '--rally-port=8000'],
      says: 'the http port and the rally port are both 8000 (runtime vllm; flag --rally-port)',
    },
    {
      when: 'engine and server',
      argv: [...several, '--', '--port=29501'],
      says: 'the http port and the engine port are both 29501',
    },
    {
      when: 'http and gRPC',
      runtime: 'triton',
      argv: ['--', '--http-port=8001'],
      says: 'the grpc port and the http port are both 8001',
    },
  ])('$when on one number → refused with both origins', ({ says, runtime = 'vllm', argv }) => {
    expect(refusalsOf({ runtime, argv, env })).toMatchObject([
      { code: 'CONFIG_INVALID', message: expect.stringContaining(says) },
    ]);
  });

  test('a group of one has no rally: its port is free for the server', () => {
    expect(portsOf({ argv: ['--', '--port=7600'], env })).toBe('7600 - 7600 -');
  });

  test.each([
    { argv: [...several, '--', '--port=80a'], more: {}, says: '--port is "80a", not a whole number from 1 to 65535' },
    { argv: ['--', '--port', '65536'], more: {}, says: '--port is "65536"' },
    { argv: ['--', '--port=0'], more: {}, says: '--port is "0"' },
    { argv: several, more: { MASTER_PORT: '1e3' }, says: 'MASTER_PORT is "1e3"' },
    { argv: ['--engine=ray', ...several], more: { RAY_PORT: '-1' }, says: 'RAY_PORT is "-1"' },
  ])('$argv with $more → CONFIG_INVALID', ({ argv, more, says }) => {
    expect(refusalsOf({ argv, env: { ...env, ...more } })).toMatchObject([
      { code: 'CONFIG_INVALID', message: expect.stringContaining(says) },
    ]);
  });
});

test('what Kubernetes sets for a Service named ray or muster-rally is not about our ports', () => {
  const links = {
    RAY_PORT: 'tcp://10.0.0.1:6379',
    MASTER_PORT: 'tcp://10.0.0.1:1',
    MUSTER_RALLY_PORT: 'tcp://10.0.0.1:2',
  };
  expect(portsOf({ argv: ['--engine=ray', ...several], env: { ...env, ...links } })).toBe('7600 6379 8000 -');
});
