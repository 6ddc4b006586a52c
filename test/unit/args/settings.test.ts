import { describe, expect, test } from 'vitest';
import { CODES } from '../../../src/errors.ts';
import { OPTIONS, type Option } from '../../../src/launch/args/options.ts';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../../../src/launch/args/settings.ts';

const resolve = (argv: readonly string[], env: Env = {}) => resolveSettings(parseFlags(argv).flags, env);
const ALL = Object.entries(OPTIONS as Record<string, Option>);
const NUMERIC = ALL.flatMap(([name, option]) =>
  option.kind === 'integer' || option.kind === 'seconds' ? [{ name, ...option }] : [],
);

describe('precedence: default < env of others < MUSTER_ env < flag', () => {
  const env = { POD_NAME: 'pod', MUSTER_MEMBER: 'mine', MODEL_DIR: '/m', REQUEST_GPU_COUNT: '2', MUSTER_LEASE: '4' };
  test.each([
    { when: 'nobody says', argv: [], env: {}, name: 'lease', want: { value: 3, origin: 'default' } },
    { when: 'nobody says and there is no default', argv: [], env: {}, name: 'member', want: undefined },
    {
      when: 'only another env says',
      argv: [],
      env: { POD_NAME: 'pod' },
      name: 'member',
      want: { value: 'pod', origin: 'env POD_NAME' },
    },
    { when: 'both envs say', argv: [], env, name: 'member', want: { value: 'mine', origin: 'env MUSTER_MEMBER' } },
    { when: 'env and default say', argv: [], env, name: 'lease', want: { value: 4, origin: 'env MUSTER_LEASE' } },
    {
      when: 'everybody says',
      argv: ['--member=f'],
      env,
      name: 'member',
      want: { value: 'f', origin: 'flag --member' },
    },
    { when: 'an env of others is empty', argv: [], env: { POD_NAME: '' }, name: 'member', want: undefined },
    {
      when: 'the first of several others is empty',
      argv: [],
      env: { MODEL_NAME: '', ISVC_NAME: 'isvc', INFERENCE_SERVICE_NAME: 'no' },
      name: 'model-name',
      want: { value: 'isvc', origin: 'env ISVC_NAME' },
    },
  ] as const)('when $when → $want', ({ argv, env: given, name, want }) => {
    const { settings, refusals } = resolve(argv, given);
    expect(refusals).toEqual([]);
    expect(settings[name]).toEqual(want);
  });

  test('a flag hides a wrong env: what is not used is not judged', () => {
    expect(resolve(['--rank=1'], { MUSTER_RANK: 'x' }).refusals).toEqual([]);
  });
});

describe.each(NUMERIC)('--$name ($min to $max)', ({ name, env, min, max, kind, describe: what }) => {
  test.each(['80a', '-1', '', ' 1', '1e3', '0x10', 'NaN', '1,5', '٣', String(max + 1)])(
    'env %j → CONFIG_INVALID (fault 3)',
    (value) => {
      const { settings, refusals } = resolve([], { [env]: value });
      const number = kind === 'integer' ? 'a whole number' : 'a number of seconds';
      expect(refusals).toEqual([
        {
          code: 'CONFIG_INVALID',
          message: `${env} is "${value}", not ${number} from ${min} to ${max}`,
          hint: `${what}.`,
        },
      ]);
      expect(settings).not.toHaveProperty(name);
    },
  );

  test.each(['80a', '-1', String(max + 1)])('flag %j → USAGE', (value) => {
    expect(resolve([`--${name}=${value}`]).refusals).toMatchObject([
      { code: 'USAGE', message: expect.stringContaining(`--${name} is "${value}"`) },
    ]);
  });

  test.each([min, max])('%d is the edge and allowed', (value) => {
    expect(resolve([], { [env]: String(value) }).settings[name as 'rank']?.value).toBe(value);
    expect(resolve([`--${name}=${value}`]).settings[name as 'rank']?.value).toBe(value);
  });

  test('0 is allowed only from a minimum of 0', () => {
    expect(resolve([], { [env]: '0' }).refusals).toHaveLength(min === 0 ? 0 : 1);
  });
});

test('USAGE is 64 and CONFIG_INVALID is 78', () => {
  expect([CODES.USAGE, CODES.CONFIG_INVALID]).toEqual([64, 78]);
});

describe('other kinds', () => {
  test.each([
    ...['1', 'true', 'YES', 'on'].map((value) => ({ value, want: true })),
    ...['0', 'false', 'No', 'off', ''].map((value) => ({ value, want: false })),
  ])('switch $value → $want', ({ value, want }) => {
    expect(resolve([], { MUSTER_INSECURE: value }).settings.insecure?.value).toBe(want);
  });

  test.each([
    { env: { MUSTER_INSECURE: 'maybe' }, message: 'MUSTER_INSECURE is "maybe", not 1 or 0' },
    { env: { MUSTER_ENGINE: 'spark' }, message: 'MUSTER_ENGINE is "spark", not one of ray, native, none' },
    { env: { MUSTER_ENGINE: '' }, message: 'MUSTER_ENGINE is "", not one of ray, native, none' },
    { env: { MUSTER_ROLE: 'Head' }, message: 'MUSTER_ROLE is "Head", not one of head, worker' },
    { env: { MUSTER_HEAD_ADDRESS: '' }, message: 'MUSTER_HEAD_ADDRESS is set but empty' },
    {
      env: { MUSTER_ENGINE_ARGS: '--a' },
      message: 'MUSTER_ENGINE_ARGS is "--a", not a JSON array of strings such as ["--num-gpus=1"]',
    },
    {
      env: { MUSTER_ENGINE_ARGS: '[1]' },
      message: 'MUSTER_ENGINE_ARGS is "[1]", not a JSON array of strings such as ["--num-gpus=1"]',
    },
    {
      env: { MUSTER_ENGINE_ARGS: '{}' },
      message: 'MUSTER_ENGINE_ARGS is "{}", not a JSON array of strings such as ["--num-gpus=1"]',
    },
  ])('$env → $message', ({ env, message }) => {
    expect(resolve([], env).refusals).toMatchObject([{ code: 'CONFIG_INVALID', message }]);
  });

  test('a list from env is a JSON array', () => {
    expect(resolve([], { MUSTER_ENGINE_ARGS: '["--a=b c", ""]' }).settings['engine-arg']).toEqual({
      value: ['--a=b c', ''],
      origin: 'env MUSTER_ENGINE_ARGS',
    });
  });

  test('every wrong variable is named at once (fault 3)', () => {
    const { refusals } = resolve(['--lease=x'], { MUSTER_RANK: 'a', MUSTER_RALLY_PORT: '0', REQUEST_GPU_COUNT: '-2' });
    expect(refusals.map(({ message }) => message.split(' ')[0])).toEqual([
      'MUSTER_RANK',
      'MUSTER_RALLY_PORT',
      'REQUEST_GPU_COUNT',
      '--lease',
    ]);
  });
});

describe('secrets', () => {
  test('engine arguments that are not JSON but hold a password are not repeated', () => {
    const { refusals } = resolve([], { MUSTER_ENGINE_ARGS: '--redis-password=hunter2' });
    expect(refusals).toHaveLength(1);
    expect(JSON.stringify(refusals)).not.toContain('hunter2');
  });

  test('MUSTER_TOKEN is no option: nothing here can show it', () => {
    expect(JSON.stringify(resolve([], { MUSTER_TOKEN: 'hunter2' }))).not.toContain('hunter2');
  });
});

test.each(ALL)('--%s has a twin of its own and says what it is', (name, option) => {
  expect(option.env).toMatch(/^MUSTER_[A-Z_]+$/);
  expect(ALL.filter(([, each]) => each.env === option.env)).toHaveLength(1);
  expect(option.describe.length).toBeGreaterThan(10);
  expect(name).toMatch(/^[a-z][a-z-]+$/);
});
