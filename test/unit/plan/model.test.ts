import { describe, expect, test } from 'vitest';
import { CODES } from '../../../src/errors.ts';
import { chooseModel, type ModelInput, nameOfModel } from '../../../src/launch/plan/model.ts';
import { FILLED, planOf, refusalsOf } from './fixture.ts';

const directory = { value: '/mnt/models', origin: 'env MODEL_DIR' };
const id = { value: 'org/qwen', origin: 'env MODEL_ID' };
const inArgs = { value: '/own', origin: 'server arg --model' };
const choose = (how: Partial<ModelInput>) =>
  chooseModel({
    need: 'required',
    takesHubIds: true,
    directory: undefined,
    seen: undefined,
    id: undefined,
    inArgs: undefined,
    ...how,
  });

const asDirectory = { kind: 'directory', path: '/mnt/models', fingerprint: FILLED.fingerprint };
const asHub = { kind: 'hub', id: 'org/qwen' };

describe('where the model comes from', () => {
  test.each<{ when: string; input: Partial<ModelInput>; want: unknown; notes?: string[] }>([
    { when: 'only a filled directory', input: { directory, seen: FILLED }, want: asDirectory },
    { when: 'only a hub id', input: { id }, want: asHub },
    {
      when: 'both, filled',
      input: { directory, seen: FILLED, id },
      want: asDirectory,
      notes: ['MODEL_DIR wins: MODEL_ID "org/qwen" is not used'],
    },
    {
      when: 'both, empty',
      input: { directory, seen: { state: 'empty' }, id },
      want: asHub,
      notes: ['MODEL_DIR /mnt/models is empty: the hub id "org/qwen" is used'],
    },
    {
      when: 'both, missing',
      input: { directory, seen: { state: 'missing' }, id },
      want: asHub,
      notes: ['MODEL_DIR /mnt/models does not exist: the hub id "org/qwen" is used'],
    },
    {
      when: 'the server args name one',
      input: { inArgs, directory, seen: FILLED, id },
      want: { kind: 'args', text: '/own' },
    },
    { when: 'none is needed and none is set', input: { need: 'optional' }, want: undefined },
    {
      when: 'the runtime has no model',
      input: { need: 'none', directory, seen: { state: 'missing' } },
      want: undefined,
    },
  ])('$when → $want', ({ input, want, notes = [] }) => {
    const { model, ...rest } = choose(input);
    expect(model?.value).toEqual(want);
    expect(rest).toEqual({ refusals: [], notes });
  });

  test.each<{ when: string; input: Partial<ModelInput>; code: keyof typeof CODES; status: number; says: string }>([
    { when: 'nothing is set', input: {}, code: 'MODEL_UNSET', status: 78, says: 'neither MODEL_DIR nor MODEL_ID' },
    {
      when: 'the directory is empty',
      input: { directory, seen: { state: 'empty' } },
      code: 'MODEL_DIR_EMPTY',
      status: 66,
      says: 'MODEL_DIR is /mnt/models, which is empty',
    },
    {
      when: 'the directory is missing',
      input: { directory, seen: { state: 'missing' } },
      code: 'MODEL_DIR_MISSING',
      status: 66,
      says: 'does not exist',
    },
    {
      when: 'it is a file',
      input: { directory, seen: { state: 'not-a-directory' } },
      code: 'MODEL_DIR_MISSING',
      status: 66,
      says: 'is not a directory',
    },
    {
      when: 'it cannot be read',
      input: { directory, seen: { state: 'unreadable' } },
      code: 'MODEL_DIR_MISSING',
      status: 66,
      says: 'cannot be read',
    },
    {
      when: 'it leads astray, whatever the hub has',
      input: {
        directory,
        seen: { state: 'outside', at: '/etc', of: '/models' },
        id: { value: 'org/qwen', origin: 'env MODEL_ID' },
      },
      code: 'MODEL_DIR_OUTSIDE',
      status: 77,
      says: 'MODEL_DIR is /mnt/models, which leads to /etc, outside of /models',
    },
    {
      when: 'it is optional but set and empty',
      input: { need: 'optional', directory, seen: { state: 'empty' } },
      code: 'MODEL_DIR_EMPTY',
      status: 66,
      says: 'is empty',
    },
  ])('$when → $code', ({ input, code, status, says }) => {
    const { model, refusals } = choose(input);
    expect(model).toBeUndefined();
    expect(refusals).toMatchObject([{ code, message: expect.stringContaining(says) }]);
    expect(CODES[code]).toBe(status);
  });

  test('an empty directory is blamed on storageUri', () => {
    expect(choose({ directory, seen: { state: 'empty' } }).refusals[0]?.hint).toContain('storageUri');
  });
});

describe('the name clients use', () => {
  test.each([
    { model: { kind: 'hub', id: 'org/qwen-2' }, want: 'qwen-2' },
    { model: { kind: 'hub', id: 'qwen' }, want: 'qwen' },
    { model: { kind: 'directory', path: '/mnt/models/', fingerprint: undefined }, want: 'models' },
    { model: { kind: 'directory', path: '/', fingerprint: undefined }, want: 'model' },
    { model: { kind: 'args', text: 's3://bucket/llama' }, want: 'llama' },
  ] as const)('of $model → $want', ({ model, want }) => {
    expect(nameOfModel(model)).toBe(want);
  });

  const env = { MODEL_ID: 'org/qwen', MODEL_NAME: 'env', MUSTER_MODEL_NAME: 'ours' };
  test.each([
    { when: 'the server args say', argv: ['--', '--served-model-name=arg'], env, want: 'arg' },
    { when: 'the option says', argv: [], env, want: 'ours' },
    {
      when: 'the env of KServe says',
      argv: [],
      env: { MODEL_ID: 'org/qwen', INFERENCE_SERVICE_NAME: 'isvc' },
      want: 'isvc',
    },
    { when: 'only the model says', argv: [], env: { MODEL_ID: 'org/qwen' }, want: 'qwen' },
    { when: 'there is no model', runtime: 'demo', argv: [], env: {}, want: 'demo' },
  ])('$when → $want', ({ want, ...member }) => {
    expect(planOf(member).modelName.value).toBe(want);
  });
});

test.each(['triton', 'tensorflow-serving'])('%s takes a directory: a hub id alone is refused', (runtime) => {
  expect(refusalsOf({ runtime, env: { MODEL_ID: 'org/qwen' } })).toMatchObject([
    { code: 'MODEL_UNSET', message: expect.stringContaining('MODEL_ID is "org/qwen"') },
  ]);
});

test('the first server arg of vllm is its model, when it is no flag', () => {
  expect(planOf({ argv: ['--', 'org/qwen', '--port=1'] }).model).toMatchObject({
    value: { kind: 'args', text: 'org/qwen' },
  });
  expect(planOf({ argv: ['--', '--port=1'], env: { MODEL_ID: 'a/b' } }).model).toMatchObject({
    value: { kind: 'hub' },
  });
});
