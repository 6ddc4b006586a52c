import { describe, expect, test } from 'vitest';
import { lastValue } from '../../../src/launch/plan/readings.ts';
import { codesOf, KSERVE, planOf, refusalsOf } from './fixture.ts';

const model = { MODEL_ID: 'org/qwen' };

describe('the last spelling of a flag in the server args', () => {
  const spellings = ['--tensor-parallel-size', '-tp'];
  test.each([
    { args: ['--tensor-parallel-size=4'], want: '4' },
    { args: ['--tensor-parallel-size', '4'], want: '4' },
    { args: ['-tp', '4'], want: '4' },
    { args: ['-tp=4'], want: '4' },
    { args: ['-tp', '2', '--tensor-parallel-size=4', '-tp', '8'], want: '8' },
    { args: ['-tp', '2', '-tp'], want: '2' },
    { args: ['-tp', '--api-key=s'], want: undefined },
    { args: ['-tp', '-4'], want: '-4' },
    { args: ['-tp='], want: '' },
    { args: ['-tp', ''], want: '' },
    { args: ['-tp', '1.0'], want: '1.0' },
    { args: ['--tensor-parallel-size-x=4', '-tpx'], want: undefined },
    { args: [], want: undefined },
  ])('$args → $want', ({ args, want }) => {
    expect(lastValue(args, spellings)?.value).toBe(want);
  });
});

describe('parallel sizes: server args, else env, else 1', () => {
  const env = { ...model, TENSOR_PARALLEL_SIZE: '2', PIPELINE_PARALLEL_SIZE: '3', DATA_PARALLEL_SIZE: '2' };
  test.each([
    { runtime: 'vllm', argv: [], env: model, want: [1, 1, 1] },
    { runtime: 'vllm', argv: [], env, want: [2, 3, 2] },
    { runtime: 'vllm', argv: [], env: { ...model, TENSOR_PARALLEL_SIZE: '' }, want: [1, 1, 1] },
    { runtime: 'vllm', argv: ['--tensor-parallel-size=4'], env, want: [4, 3, 2] },
    { runtime: 'vllm', argv: ['--tensor_parallel_size', '4', '-pp', '2', '-dp=1'], env, want: [4, 2, 1] },
    { runtime: 'vllm', argv: ['--pipeline_parallel_size=5', '--data_parallel_size=6'], env, want: [2, 5, 6] },
    { runtime: 'huggingfaceserver', argv: ['-tp', '8', '--pipeline-parallel-size=2'], env: model, want: [8, 2, 1] },
    { runtime: 'sglang', argv: ['--tp', '4', '--pp-size=2'], env: model, want: [4, 2, 1] },
    { runtime: 'sglang', argv: ['--tp-size', '2', '--tensor-parallel-size', '4'], env: model, want: [4, 1, 1] },
    { runtime: 'demo', argv: ['-tp', '2'], env: {}, want: [2, 1, 1] },
  ])('$runtime $argv → tensor, pipeline, data $want', ({ runtime, argv, env: given, want }) => {
    const plan = planOf({ runtime, argv: ['--world-size=64', '--rank=0', '--', ...argv], env: given });
    expect([plan.parallel.tensor, plan.parallel.pipeline, plan.parallel.data].map(({ value }) => value)).toEqual(want);
  });

  test('each says where it comes from', () => {
    const plan = planOf({ argv: ['--', '-tp', '4'], env: { ...model, PIPELINE_PARALLEL_SIZE: '1' } });
    expect(plan.parallel).toMatchObject({
      tensor: { origin: 'server arg -tp' },
      pipeline: { origin: 'env PIPELINE_PARALLEL_SIZE' },
      data: { origin: 'default' },
    });
  });

  test.each([
    { argv: ['-tp', '4x'], env: model, says: '-tp is "4x", not a whole number from 1 to 65536' },
    { argv: ['-tp=0'], env: model, says: '-tp is "0", not a whole number from 1 to 65536' },
    {
      argv: ['-tp=4 --api-key=s3cret'],
      env: model,
      says: '-tp is "4 --api-key=***", not a whole number from 1 to 65536',
    },
    { argv: ['-tp='], env: model, says: '-tp is "", not a whole number from 1 to 65536' },
    {
      argv: [],
      env: { ...model, TENSOR_PARALLEL_SIZE: '-1' },
      says: 'TENSOR_PARALLEL_SIZE is "-1", not a whole number from 1 to 65536',
    },
    {
      argv: [],
      env: { ...model, PIPELINE_PARALLEL_SIZE: '2.0' },
      says: 'PIPELINE_PARALLEL_SIZE is "2.0", not a whole number from 1 to 65536',
    },
  ])('$argv with $env → $says', ({ argv, env: given, says }) => {
    expect(refusalsOf({ argv: ['--', ...argv], env: given })).toMatchObject([
      { code: 'CONFIG_INVALID', message: says },
    ]);
  });
});

describe('what the members can hold', () => {
  const group = ['--world-size=2', '--rank=0'];
  test('too few devices that were declared for all → refused with both numbers', () => {
    const [refusal, ...rest] = refusalsOf({
      argv: [...group, '--devices-per-member=3', '--', '-tp', '4', '-pp', '2'],
      env: model,
    });
    expect(rest).toEqual([]);
    expect(refusal).toMatchObject({
      code: 'PARALLEL_SIZE',
      message:
        'tensor 4 (server arg -tp) × pipeline 2 (server arg -pp) needs 8 GPUs, but 2 members × 3 (flag --devices-per-member) hold 6',
    });
  });

  test.each([
    { when: 'exactly enough', argv: [...group, '--devices-per-member=4', '--', '-tp=8'] },
    { when: 'more than enough', argv: [...group, '--devices-per-member=8', '--', '-tp=8'] },
    { when: 'nothing is known', argv: [...group, '--', '-tp=8'] },
    { when: 'only this member was looked at', argv: [...group, '--', '-tp=8'], facts: { devices: 1 } },
    {
      when: 'a scheduler counts this member only',
      argv: [...group, '--', '-tp=8'],
      env: { ...model, SLURM_GPUS_ON_NODE: '1' },
    },
    {
      when: 'KServe gives head and worker unequal GPUs',
      argv: ['--', '-tp=4'],
      env: { ...KSERVE.head, ...model, MODEL_DIR: '' },
    },
  ])('$when → planned', ({ argv, env = model, facts = {} }) => {
    expect(planOf({ argv, env, facts }).parallel).toBeDefined();
  });

  test.each([
    {
      when: 'a group of one that saw its GPUs',
      argv: ['--', '-tp=2'],
      env: model,
      facts: { devices: 1 },
      says: '1 members × 1 (seen in /dev) hold 1',
    },
    {
      when: 'a group of one by KServe',
      argv: ['--', '-tp=2'],
      env: { ...model, REQUEST_GPU_COUNT: '1' },
      says: '(env REQUEST_GPU_COUNT)',
    },
    {
      when: 'the shards a CPU runtime declares',
      runtime: 'demo',
      argv: [...group, '--', '-tp=3'],
      env: {},
      says: 'needs 3 shards, but 2 members × 1 (runtime demo) hold 2',
    },
    {
      when: 'data parallelism',
      argv: [...group, '--devices-per-member=1', '--', '-dp=3'],
      env: model,
      says: '× data 3 (server arg -dp) needs 3 GPUs',
    },
  ])('$when → refused', ({ says, ...member }) => {
    expect(refusalsOf(member)).toMatchObject([{ code: 'PARALLEL_SIZE', message: expect.stringContaining(says) }]);
  });

  test('a server that is not told sizes has none to check', () => {
    expect(
      planOf({
        runtime: 'tensorflow-serving',
        argv: ['--devices-per-member=0'],
        env: { MODEL_DIR: '/mnt/models', TENSOR_PARALLEL_SIZE: '4' },
      }).engine.value,
    ).toBe('none');
    expect(
      planOf({ runtime: 'run', argv: ['--', 'true'], env: { TENSOR_PARALLEL_SIZE: '4' }, facts: { devices: 1 } })
        .command,
    ).toBe('run');
  });

  test('members that would hold nothing are worth a note', () => {
    expect(planOf({ argv: group, env: model }).notes).toEqual([
      expect.stringContaining('is 1 shards for 2 members: some hold nothing'),
    ]);
  });
});

test('every complaint at once, the topology first', () => {
  expect(
    codesOf({
      runtime: 'vllm',
      argv: ['--engine=native', '--world-size=2', '--rank=0', '--', '-tp=x', '--port=y'],
      env: { TENSOR_PARALLEL_SIZE: '1', MASTER_PORT: 'z' },
      facts: { token: undefined },
    }),
  ).toEqual(['MODEL_UNSET', 'CONFIG_INVALID', 'CONFIG_INVALID', 'CONFIG_INVALID', 'TOKEN_MISSING']);
});
