import { describe, expect, test } from 'vitest';
import type { Template } from '../../../src/launch/catalogue/schema.ts';
import { endpoint, renderTemplate, type Seating, serverCommand } from '../../../src/launch/plan/render.ts';
import fc from '../../property.ts';
import { KSERVE, planOf, SHIPPED } from './fixture.ts';

const render = (template: Template, more: Partial<Parameters<typeof renderTemplate>[1]> = {}) =>
  renderTemplate(template, { args: [], values: {}, spellings: {}, ...more });
const seat = (how: Partial<Seating> = {}): Seating => ({
  rank: 0,
  headAddress: '10.0.0.7',
  fromHead: {},
  serverArgs: [],
  engineEnv: {},
  ...how,
});

const evil = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '{model}',
    '{server_args}',
    '{}',
    '{',
    '$(rm -rf /)',
    '`id`',
    '$HOME',
    'a b',
    'a\nb',
    '--',
    '*',
    "'",
    '$&',
    '$1',
  ),
);
const evils = fc.array(evil, { maxLength: 8 });

/** How often `part` stands in `whole`, contiguous. */
const times = (whole: readonly string[], part: readonly string[]): number =>
  whole.filter((_, at) => part.every((arg, i) => whole[at + i] === arg)).length;

describe('the server args reach the server byte for byte', () => {
  test.each([...SHIPPED.keys()])('of %s: unchanged, contiguous, once, at the end', (runtime) => {
    fc.assert(
      fc.property(evils, (args) => {
        const marked = ['--first', ...args, '--last'];
        const plan = planOf({
          runtime,
          argv: ['--', ...marked],
          env: { MODEL_DIR: '/mnt/models', TRANSFORMER_MODULE: 'm' },
        });
        const argv = serverCommand(plan, seat(), {})?.argv ?? [];
        expect(argv.slice(-marked.length)).toEqual(marked);
        expect(times(argv, marked)).toBe(1);
      }),
      { numRuns: 40 },
    );
  });

  test('of `muster run`: nothing else is there', () => {
    fc.assert(
      fc.property(evil, evils, (first, rest) => {
        const plan = planOf({ runtime: 'run', argv: ['--', first, ...rest] });
        expect(serverCommand(plan, seat(), {})?.argv).toEqual([first, ...rest]);
      }),
    );
  });

  test('those of the head, on a worker that was given none', () => {
    fc.assert(
      fc.property(evils, (args) => {
        const plan = planOf({ env: KSERVE.worker });
        const argv = serverCommand(plan, seat({ rank: 1, serverArgs: args }), {})?.argv ?? [];
        expect(argv.slice(argv.length - args.length)).toEqual(args);
      }),
    );
  });
});

describe('one argument in the file is one argument for the server', () => {
  test('whatever a value holds', () => {
    fc.assert(
      fc.property(evil, evil, (model, name) => {
        const values = { model, model_name: name };
        expect(render(['a', '--m={model}', { args: ['{model}', '-n', '{model_name}{model}'] }], { values })).toEqual([
          'a',
          `--m=${model}`,
          model,
          '-n',
          `${name}${model}`,
        ]);
      }),
    );
  });

  test.each<{ when: string; template: Template; args?: string[]; want: string[] }>([
    { when: 'a group is whole', template: ['a', { args: ['--m', '{model}'] }], want: ['a', '--m', 'M'] },
    {
      when: 'a value in a group is not known',
      template: ['a', { args: ['--m={model}', '--x={module}'] }],
      want: ['a'],
    },
    { when: 'a value is empty', template: ['--n={empty}'], want: ['--n='] },
    {
      when: 'the server args say it',
      template: ['a', { args: ['--m={model}'], unless: ['model'] }, '{server_args}'],
      args: ['--model=x'],
      want: ['a', '--model=x'],
    },
    {
      when: 'they say it in two words',
      template: [{ args: ['--m={model}'], unless: ['model'] }, '{server_args}'],
      args: ['-m', 'x'],
      want: ['-m', 'x'],
    },
    {
      when: 'they say one of two things',
      template: [{ args: ['--m={model}'], unless: ['port', 'model'] }, '{server_args}'],
      args: ['-m'],
      want: ['-m'],
    },
    {
      when: 'they only say something similar',
      template: [{ args: ['--m={model}'], unless: ['model'] }, '{server_args}'],
      args: ['--model-path=x'],
      want: ['--m=M', '--model-path=x'],
    },
    { when: 'nobody has a spelling for it', template: [{ args: ['--m={model}'], unless: ['host'] }], want: ['--m=M'] },
    {
      when: 'braces hold no placeholder',
      template: ['{"a": {}}', '{A}', '{ model }', '{}'],
      want: ['{"a": {}}', '{A}', '{ model }', '{}'],
    },
    { when: '{server_args} are none', template: ['a', '{server_args}', 'b'], want: ['a', 'b'] },
  ])('when $when → $want', ({ template, args = [], want }) => {
    const input = { args, values: { model: 'M', empty: '' }, spellings: { model: ['--model', '-m'] } };
    expect(renderTemplate(template, input)).toEqual(want);
  });

  test.each(['--x={module}', '{constructor}', '{model}{rank}'])(
    '%s outside a group has no value → CONFIG_INVALID',
    (item) => {
      expect(() => render([item], { values: { model: 'M' } })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(item) }),
      );
    },
  );
});

describe('what only the rally knows', () => {
  const argvOf = (plan: ReturnType<typeof planOf>, how: Partial<Seating>) => serverCommand(plan, seat(how), {})?.argv;

  test("a native worker takes the head's args, model and sizes", () => {
    const plan = planOf({ env: KSERVE.worker });
    const fromHead = {
      model: '/mnt/models',
      model_name: 'qwen',
      tensor: '4',
      pipeline: '2',
      engine_port: '7777',
      rank: '0',
      address: '10.0.0.7',
    };
    expect(argvOf(plan, { rank: 1, fromHead, serverArgs: ['--seed=1'] })).toEqual([
      ...['vllm', 'serve', '/mnt/models', '--served-model-name=qwen'],
      ...['--tensor-parallel-size=4', '--pipeline-parallel-size=2'],
      ...['--nnodes=2', '--node-rank=1', '--master-addr=10.0.0.7', '--master-port=7777', '--headless', '--seed=1'],
    ]);
  });

  test('a worker with a model and args of its own keeps them', () => {
    const plan = planOf({ argv: ['--', '--seed=2'], env: { ...KSERVE.worker, MODEL_ID: 'org/own' } });
    const argv = argvOf(plan, {
      rank: 1,
      fromHead: { model: '/mnt/models', engine_port: '1' },
      serverArgs: ['--seed=1'],
    });
    expect(argv).toContain('org/own');
    expect(argv).toContain('--seed=2');
    expect(argv).not.toContain('--seed=1');
  });

  test("a size that only the worker's env has is a guess: the head, who has none, is right", () => {
    const plan = planOf({ env: { ...KSERVE.worker, TENSOR_PARALLEL_SIZE: '4' } });
    const fromHead = { model: 'q', model_name: 'q', engine_port: '1' };
    expect(argvOf(plan, { rank: 1, fromHead })?.join(' ')).not.toContain('parallel-size');
  });

  test('an IPv6 head is bracketed only where a port follows', () => {
    const plan = planOf({ runtime: 'sglang', argv: ['--world-size=2', '--rank=0'], env: { MODEL_ID: 'q' } });
    expect(argvOf(plan, { headAddress: 'fd00::7' })).toContain('--dist-init-addr=[fd00::7]:20000');
    const vllm = planOf({ argv: ['--world-size=2', '--rank=0'], env: { MODEL_ID: 'q' } });
    expect(argvOf(vllm, { headAddress: 'fd00::7' })).toContain('--master-addr=fd00::7');
  });

  test.each([
    { host: 'a.b', port: 1, want: 'a.b:1' },
    { host: '10.0.0.7', port: '6379', want: '10.0.0.7:6379' },
    { host: '::1', port: 1, want: '[::1]:1' },
  ])('endpoint $host $port → $want', ({ host, port, want }) => {
    expect(endpoint(host, port)).toBe(want);
  });

  test('a worker that only holds its part of Ray has no command', () => {
    const plan = planOf({ runtime: 'huggingfaceserver', env: KSERVE.worker });
    expect(serverCommand(plan, seat({ rank: 1 }), {})).toBeUndefined();
  });

  test.each([
    {
      when: 'native',
      flags: ['--engine=native', '--world-size=2', '--rank=1', '--head-address=h', '--engine-port=1234'],
      want: { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: '10.0.0.7', MASTER_PORT: '1234' },
    },
    {
      when: "native, by the head's port",
      flags: ['--world-size=2', '--role=worker', '--head-address=h'],
      fromHead: { engine_port: '99' },
      want: { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: '10.0.0.7', MASTER_PORT: '99' },
    },
    {
      when: 'ray',
      flags: ['--engine=ray', '--world-size=2', '--rank=0'],
      rank: 0,
      want: { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: '10.0.0.7' },
    },
    { when: 'alone', flags: [], rank: 0, want: {} },
  ])('`muster run`, $when → $want', ({ flags, want, rank = 1, fromHead = {} }) => {
    const plan = planOf({
      runtime: 'run',
      argv: [...flags, '--', 'torchrun'],
      facts: { address: { value: '10.0.0.7', interface: undefined, origin: '' } },
    });
    const { VLLM_HOST_IP: _, ...env } = serverCommand(plan, seat({ rank, fromHead }), {})?.env ?? {};
    expect(env).toEqual(want);
  });

  test('a catalogue server gets no torch variables: it has flags', () => {
    const plan = planOf({ argv: ['--world-size=2', '--rank=0'], env: { MODEL_ID: 'q' } });
    expect(Object.keys(serverCommand(plan, seat(), {})?.env ?? {})).not.toContain('RANK');
  });
});
