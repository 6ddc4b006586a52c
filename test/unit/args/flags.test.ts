import { describe, expect, test } from 'vitest';
import { OPTIONS, type Option } from '../../../src/launch/args/options.ts';
import { nearest, parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { resolveSettings } from '../../../src/launch/args/settings.ts';

const parse = (...argv: string[]) => parseFlags(argv);
const complaints = (...argv: string[]) => parse(...argv).refusals.map(({ message }) => message);
const settings = (...argv: string[]) => resolveSettings(parse(...argv).flags, {}).settings;

describe('flags that are understood', () => {
  test.each([
    { when: 'a value follows', argv: ['--rank', '3'], want: { rank: 3 } },
    { when: 'a value is joined by =', argv: ['--rank=3'], want: { rank: 3 } },
    { when: 'a value holds another =', argv: ['--model-id=a=b'], want: { 'model-id': 'a=b' } },
    { when: 'a value that looks like a flag is joined by =', argv: ['--model-name=-x'], want: { 'model-name': '-x' } },
    { when: 'a value has spaces', argv: ['--member', 'a b'], want: { member: 'a b' } },
    { when: 'a switch is given', argv: ['--insecure'], want: { insecure: true } },
    { when: 'a switch is given twice', argv: ['--insecure', '--insecure'], want: { insecure: true } },
    { when: 'a switch has no- in its name', argv: ['--no-smoke'], want: { 'no-smoke': true } },
    { when: 'seconds have a fraction', argv: ['--lease=0.5'], want: { lease: 0.5 } },
    {
      when: 'a list is given twice',
      argv: ['--engine-arg=--num-cpus=1', '--engine-arg', 'a b'],
      want: { 'engine-arg': ['--num-cpus=1', 'a b'] },
    },
  ])('when $when → $want', ({ argv, want }) => {
    expect(complaints(...argv)).toEqual([]);
    for (const [name, value] of Object.entries(want))
      expect(settings(...argv)[name as 'rank']).toEqual({ value, origin: `flag --${name}` });
  });

  test('positionals stand between flags', () => {
    expect(parse('vllm', '--rank=1', 'x').flags.positionals).toEqual(['vllm', 'x']);
    expect(parse('--rank', '1', 'vllm').flags.positionals).toEqual(['vllm']);
  });
});

describe('flags that are refused', () => {
  test.each([
    { argv: ['--wrold-size=2'], want: ['--wrold-size is not an option of muster'] },
    { argv: ['-x'], want: ['-x is not an option of muster'] },
    { argv: ['--rank'], want: ['--rank needs a value'] },
    { argv: ['--rank='], want: ['--rank needs a value'] },
    { argv: ['--engine-arg'], want: ['--engine-arg needs a value'] },
    { argv: ['--rank', '-1'], want: ['--rank needs a value, but "-1" follows it'] },
    { argv: ['--rank', '--insecure'], want: ['--rank needs a value, but "--insecure" follows it'] },
    { argv: ['--rank=1', '--rank', '2'], want: ['--rank is given twice: "1" and "2"'] },
    { argv: ['--insecure=false'], want: ['--insecure takes no value, got "false"'] },
    { argv: ['--__proto__=x'], want: ['--__proto__ is not an option of muster'] },
    { argv: ['--constructor'], want: ['--constructor is not an option of muster'] },
    { argv: ['--toString=1'], want: ['--toString is not an option of muster'] },
    { argv: ['--nope', '--rank'], want: ['--nope is not an option of muster', '--rank needs a value'] },
  ])('$argv → $want (fault 1)', ({ argv, want }) => {
    expect(complaints(...argv)).toEqual(want);
    expect(parse(...argv).refusals.every(({ code }) => code === 'USAGE')).toBe(true);
  });

  test('an unknown flag never has its value repeated: it may be a secret (fault 1)', () => {
    expect(JSON.stringify(parse('--token=hunter2').refusals)).not.toContain('hunter2');
  });

  test.each(Object.entries(OPTIONS as Record<string, Option>).filter(([, { kind }]) => kind !== 'switch'))(
    '--%s without a value → what it is for',
    (name, { describe: what }) => {
      expect(parse(`--${name}`).refusals).toEqual([
        { code: 'USAGE', message: `--${name} needs a value`, hint: expect.stringContaining(what) },
      ]);
    },
  );
});

test.each([
  { typed: 'wrold-size', want: 'world-size' },
  { typed: 'worldsize', want: 'world-size' },
  { typed: 'world_size', want: 'world-size' },
  { typed: 'head', want: 'head-address' },
  { typed: 'dryrun', want: 'dry-run' },
  { typed: 'timeout', want: 'hang-timeout' },
  { typed: 'zzz', want: undefined },
  { typed: 'x', want: undefined },
  { typed: '', want: undefined },
])('nearest to "$typed" → $want', ({ typed, want }) => {
  expect(nearest(typed)).toBe(want);
});
