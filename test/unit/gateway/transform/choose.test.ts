import { describe, expect, test } from 'vitest';
import { resolveGateway } from '../../../../src/gateway/settings.ts';

const choose = (...flags: readonly string[]) =>
  resolveGateway(['--predictor_host', 'h:1', '--predictor_protocol', 'grpc-v2', ...flags], {});

test('none unless asked for', () => {
  expect(choose().settings?.transforms).toEqual([]);
});

test('in the order in which a request meets them', () => {
  const { settings } = choose('--transform', './mine.mjs,tokenize,classify', '--tokenizer', '/t', '--top_k', '3');
  expect(settings?.transforms).toEqual([
    { name: './mine.mjs', choice: { kind: 'module', path: './mine.mjs' } },
    {
      name: 'tokenize',
      choice: {
        kind: 'tokenize',
        options: { directory: '/t', maxTokens: 512, truncate: 'longest_first', pad: 'longest' },
      },
    },
    { name: 'classify', choice: { kind: 'classify', options: { topK: 3, labelsFile: undefined, softmax: false } } },
  ]);
});

test('pictures are scaled and normalised as ImageNet models expect, unless told', () => {
  expect(choose('--transform', 'image').settings?.transforms[0]?.choice).toEqual({
    kind: 'image',
    options: {
      width: 224,
      height: 224,
      fit: 'fill',
      layout: 'NCHW',
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
  });
});

test("the model's inputs, as the user says them", () => {
  expect(choose('--model_inputs', 'ids:INT64:-1x-1,a:b:FP32:3').settings?.modelInputs).toEqual([
    { name: 'ids', datatype: 'INT64', shape: [-1, -1] },
    { name: 'a:b', datatype: 'FP32', shape: [3] },
  ]);
  expect(choose().settings?.modelInputs).toBeUndefined();
  const v1 = ['--predictor_protocol', 'v1', '--transform', 'image'];
  expect(choose(...v1).refusals).toHaveLength(1);
  expect(choose(...v1, '--model_inputs', 'x:FP32:-1x3x2x2').refusals).toEqual([]);
});

test.each([
  ['true', 'longest_first'],
  ['only_second', 'only_second'],
  ['false', undefined],
])('--truncation %s', (flag, truncate) => {
  const { settings } = choose('--transform', 'tokenize', '--tokenizer', '/t', '--truncation', flag);
  expect(settings?.transforms[0]?.choice).toMatchObject({ options: { truncate } });
});

describe('what is refused', () => {
  test.each([
    {
      flags: ['--transform', 'tokenise'],
      says: '--transform tokenise is none of tokenize, image, classify, and no path',
    },
    { flags: ['--transform', 'tokenize'], says: '--transform tokenize needs --tokenizer' },
    { flags: ['--transform', 'image', '--image_size', '224'], says: '--image_size is "224", not a width x height' },
    { flags: ['--transform', 'image', '--image_mean', '0.5,0.5'], says: '--image_mean has 2 values' },
    { flags: ['--transform', 'image', '--image_std', '1,0,1'], says: '--image_std has a 0' },
    { flags: ['--transform', 'image', '--image_scale', 'NaN'], says: '--image_scale has "NaN", which is no number' },
    {
      flags: ['--transform', 'classify', '--cache_features', 'image'],
      says: '--cache_features image is not among --transform',
    },
    ...['input_ids', 'input_ids:INT64', ':INT64:1', 'x:INT65:1', 'x:INT64:', 'x:INT64:1x', 'x:INT64:-2'].map(
      (text) => ({
        flags: ['--model_inputs', text],
        says: `--model_inputs has "${text}", which is no input`,
      }),
    ),
    { flags: ['--model_inputs', 'x:INT64:1,x:FP32:2'], says: '--model_inputs has "x" twice' },
    {
      flags: ['--truncation', 'both'],
      says: '--truncation is "both", not one of true, longest_first, only_first, only_second, false',
    },
    { flags: ['--top_k', '0'], says: '--top_k is "0", not a whole number from 1 to 10000' },
  ])('$says', ({ flags, says }) => {
    const { settings, refusals } = choose(...flags);
    expect(settings).toBeUndefined();
    expect(refusals.map(({ code, message }) => [code, message])).toEqual([['USAGE', says]]);
  });

  test('all at once', () => {
    expect(choose('--transform', 'tokenize,image,odd', '--image_size', 'big').refusals).toHaveLength(3);
  });
});
