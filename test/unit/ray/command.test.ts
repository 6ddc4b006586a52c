import { describe, expect, test } from 'vitest';
import {
  HEALTH_CHECK,
  hasTokenAuth,
  nodeName,
  rayEnv,
  rayStartHead,
  rayStartWorker,
  serverEnv,
} from '../../../src/launch/start/ray/command.ts';

const base = { ray: '/opt/ray', nodeName: nodeName('head-0', '1f'), address: '10.0.0.7' };

describe('rayStart', () => {
  test('head, as little as possible', () => {
    expect(rayStartHead({ ...base, port: 6379 })).toEqual([
      '/opt/ray',
      'start',
      '--head',
      '--port=6379',
      '--node-ip-address=10.0.0.7',
      '--node-name=head-0-1f',
      '--disable-usage-stats',
      '--include-dashboard=false',
      '--block',
    ]);
  });

  test("worker with everything; the user's own come last but for --block", () => {
    const argv = rayStartWorker({
      ...base,
      headAddress: '[fd00::1]:6379',
      cpus: 4,
      gpus: 2,
      resources: { tpu: 1 },
      objectStoreBytes: 1e8,
      tempDir: '/tmp/r',
      extraArgs: ['--num-gpus=1', '--labels', 'a b'],
    });
    expect(argv).toEqual([
      '/opt/ray',
      'start',
      '--address=[fd00::1]:6379',
      '--node-ip-address=10.0.0.7',
      '--node-name=head-0-1f',
      '--disable-usage-stats',
      '--num-cpus=4',
      '--num-gpus=2',
      '--resources={"tpu":1}',
      '--object-store-memory=100000000',
      '--temp-dir=/tmp/r',
      '--num-gpus=1',
      '--labels',
      'a b',
      '--block',
    ]);
  });

  test('a worker gets no flag that only a head may have; 0 GPUs are said', () => {
    const argv = rayStartWorker({ ...base, headAddress: 'h:1', gpus: 0, resources: {} });
    expect(argv).toContain('--num-gpus=0');
    for (const flag of ['--head', '--port', '--include-dashboard', '--resources'])
      expect(argv.filter((arg) => arg.startsWith(flag))).toEqual([]);
  });

  test('without block for exec', () => {
    expect(rayStartHead({ ...base, port: 1, block: false })).not.toContain('--block');
  });
});

describe('rayEnv', () => {
  const BOTH = { RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S: '0', RAY_USAGE_STATS_ENABLED: '0' };

  test('the head tunes the health check, a worker does not', () => {
    expect(rayEnv('head', { token: undefined, user: {} })).toEqual({ ...HEALTH_CHECK, ...BOTH });
    expect(rayEnv('worker', { token: undefined, user: {} })).toEqual(BOTH);
  });

  test('what the user set stays', () => {
    const env = rayEnv('head', {
      token: undefined,
      user: { RAY_health_check_period_ms: '9000', RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S: '5' },
    });
    expect(env).not.toHaveProperty('RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S');
    expect(env).not.toHaveProperty('RAY_health_check_period_ms');
    expect(env).toHaveProperty('RAY_health_check_timeout_ms', '2000');
  });

  test('a token turns token auth on, for Ray and for the server', () => {
    const token = { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: 't' };
    expect(rayEnv('worker', { token: 't', user: {} })).toMatchObject(token);
    expect(serverEnv('10.0.0.7:6379', 't')).toEqual({
      ...token,
      RAY_ADDRESS: '10.0.0.7:6379',
      RAY_USAGE_STATS_ENABLED: '0',
    });
    expect(serverEnv('10.0.0.7:6379', undefined)).not.toHaveProperty('RAY_AUTH_MODE');
  });
});

test.each([
  { version: '2.51.9', has: false },
  { version: '2.52.0', has: true },
  { version: '2.58.0', has: true },
  { version: '3.0.0.dev0', has: true },
  { version: undefined, has: false },
  { version: 'nightly', has: false },
])('token auth in $version: $has', ({ version, has }) => {
  expect(hasTokenAuth(version)).toBe(has);
});
