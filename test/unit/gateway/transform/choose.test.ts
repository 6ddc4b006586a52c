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

describe('what is refused', () => {
  test.each([
    {
      flags: ['--transform', 'tokenise'],
      says: '--transform tokenise is none of tokenize, image, classify, and no path',
    },
    { flags: ['--transform', 'tokenize'], says: '--transform tokenize needs --tokenizer' },
    { flags: ['--transform', 'image', '--image_size', '224'], says: '--image_size is "224"' },
    { flags: ['--transform', 'image', '--image_mean', '0.5,0.5'], says: '--image_mean has 2 values' },
    { flags: ['--transform', 'image', '--image_std', '1,0,1'], says: '--image_std has a 0' },
    { flags: ['--transform', 'image', '--image_scale', 'NaN'], says: '--image_scale has "NaN", which is no number' },
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
