/** Transforms in their threads, before a predictor that answers with what it got. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import {
  answered,
  asking,
  builtIn,
  call,
  directoryWith,
  ENOUGH,
  HERE,
  hooks,
  type Model,
  moduleNamed,
  open,
  TEXT_MODEL,
  tensor,
  words,
} from './transform-row.ts';

/** Longer than a hook may take. Milliseconds. */
const SOON = 1_500;

describe('a module', () => {
  test('makes what the model sees, and clients learn its inputs', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')] });
    expect(await answered(predictor, words('good', 'morning'))).toEqual({ IN: ['GOOD', 'MORNING'] });
    const { inputs } = await predictor.modelMetadata('m', '', call());
    expect(inputs).toEqual([{ name: 'text', datatype: 'BYTES', shape: [-1] }]);
    expect(hooks).toEqual(['shout.mjs preprocess']);
  });

  test('leaves the bytes of the request to who holds them', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')] });
    const request = words('again');
    await answered(predictor, request);
    expect(await answered(predictor, request)).toEqual({ IN: ['AGAIN'] });
  });

  test('several: requests in order, answers in reverse', async () => {
    const model: Model = {
      inputs: TEXT_MODEL.inputs,
      answer: ({ inputs }) => [
        tensor(
          'LENGTHS',
          'INT32',
          inputs[0]!.shape,
          valuesOf(inputs[0]!).map((each) => String(each).length),
        ),
      ],
    };
    const predictor = await open({ transforms: [moduleNamed('negate.mjs'), moduleNamed('shout.mjs')], model });
    expect(await answered(predictor, words('four', 'six456'))).toEqual({ LENGTHS: [-4, -6] });
    expect(hooks).toEqual(['shout.mjs preprocess', 'negate.mjs postprocess']);
  });

  test('a stream passes answer by answer', async () => {
    const model: Model = { inputs: TEXT_MODEL.inputs, answer: () => [tensor('N', 'FP32', [1], [2])] };
    const predictor = await open({ transforms: [moduleNamed('negate.mjs')], model });
    const batches: number[][] = [];
    for await (const batch of predictor.stream(words('a'), call()))
      batches.push(batch.map(({ outputs }) => Number(valuesOf(outputs[0]!)[0])));
    expect(batches).toEqual([[-2, -2], [-2]]);
  });
});

describe('a module that goes wrong hurts its own request alone', () => {
  test.each([
    { word: 'throw', status: 500, says: /^transform "shout.mjs", preprocess: the preprocessor is broken$/ },
    { word: 'refuse', status: 422, says: /^"refuse" is not allowed$/ },
    { word: 'nothing', status: 500, says: /the hook returned nothing with "inputs"/ },
    { word: 'exit', status: 500, says: /^transform "shout.mjs", preprocess: its thread ended: exit 3$/ },
    {
      word: 'loop',
      status: 504,
      says: /^transform "shout.mjs", preprocess did not end within 1500 ms$/,
      deadlineMs: SOON,
    },
    { word: 'sleep', status: 504, says: /did not end within 1500 ms$/, deadlineMs: SOON },
  ])('$word', async ({ word, status, says, deadlineMs = ENOUGH }) => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')], deadlineMs });
    await expect(predictor.infer(words(word), call())).rejects.toMatchObject({
      status,
      message: expect.stringMatching(says),
    });
    // The thread may have to be made anew, which takes longer than a hook may.
    const after = answered(predictor, words('next'), call());
    expect(await after).toEqual({ IN: ['NEXT'] });
  });

  test.each([
    { returns: 'undefined', says: 'transform "mine", preprocess: the hook returned nothing with "inputs"' },
    {
      returns: '{ inputs: [{ name: "IN", datatype: "FP32", shape: [2], data: [1, 2] }] }',
      says: 'transform "mine", preprocess: tensor "IN" has no bytes: make it by tensor(…)',
    },
  ])('returns $returns', async ({ returns, says }) => {
    const path = join(
      directoryWith({ 'mine.mjs': `export const preprocess = (request) => (${returns});` }),
      'mine.mjs',
    );
    const transforms = [{ name: 'mine', choice: { kind: 'module', path } as const }];
    const predictor = await open({ transforms, keeps: ['mine'] });
    await expect(predictor.infer(words('a'), call())).rejects.toMatchObject({ status: 500, message: says });
  });

  test('others go on in the other threads, and those that wait get their turn', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')], threads: 2, deadlineMs: 2_000 });
    const stuck = predictor.infer(words('loop'), call()).catch((error: Error) => error.message);
    const others = await Promise.all(['a', 'b', 'c'].map((each) => answered(predictor, words(each))));
    expect(others.map(({ IN }) => IN)).toEqual([['A'], ['B'], ['C']]);
    expect(await stuck).toMatch(/did not end/);
  });

  test('a thread that ends between two jobs is replaced before the next one', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')] });
    const expired = join(directoryWith({}), 'expired');
    await answered(predictor, words('expire', expired));
    while (!existsSync(expired)) await new Promise((resolve) => setTimeout(resolve, 10));
    // The next job may still reach the thread that ends; then it says so.
    for (;;) {
      const said = await predictor.infer(words('next'), call()).catch((error: Error) => error.message);
      if (said !== 'transform "shout.mjs", preprocess: its thread ended: exit 4') break;
    }
    expect(await answered(predictor, words('next'))).toEqual({ IN: ['NEXT'] });
  });

  test('a thread that cannot start again is tried until it can, and who waits meanwhile is told why', async () => {
    const directory = directoryWith({
      'returns.mjs': readFileSync(join(HERE, 'returns.mjs'), 'utf8'),
      stays: '',
    });
    const path = join(directory, 'returns.mjs');
    const predictor = await open({ transforms: [{ name: 'returns.mjs', choice: { kind: 'module', path } }] });
    rmSync(join(directory, 'stays'));
    await expect(predictor.infer(words('exit'), call())).rejects.toMatchObject({
      message: expect.stringMatching(/its thread ended: exit 3$/),
    });
    await expect(predictor.infer(words('next'), call())).rejects.toMatchObject({
      status: 500,
      message: 'transform "returns.mjs" does not load: its file is gone',
    });
    writeFileSync(join(directory, 'stays'), '');
    // Some may still hear of the try before.
    const asked = () => answered(predictor, words('next')).catch(() => undefined);
    let after = await asked();
    while (after === undefined) after = await asked();
    expect(after).toEqual({ text: ['next'] });
  });

  const FULL = /preprocess: its thread ended: it wanted more than 64 MiB of memory \(--transform_memory_mb\)$/;
  test.each([
    { way: 'objects', says: FULL },
    { way: 'arrays', says: FULL },
    { way: 'texts', says: FULL },
    // What V8 refuses by itself when it is faster than we look.
    { way: 'one', says: new RegExp(`${FULL.source}|Invalid array length$`) },
    { way: 'map', says: new RegExp(`${FULL.source}|Map maximum size exceeded$`) },
  ])('takes memory without end: $way', async ({ way, says }) => {
    const predictor = await open({ transforms: [moduleNamed('hungry.mjs')], threads: 2, memoryMb: 64 });
    const fed = predictor.infer(words(way), call()).catch((failure: Error) => failure);
    expect(await answered(predictor, words('other'))).toEqual({ IN: ['other'] });
    expect(await fed).toMatchObject({ status: 500, message: expect.stringMatching(says) });
    expect(await answered(predictor, words('next'))).toEqual({ IN: ['next'] });
  });

  test('a request that cannot be handed over does not cost the thread', async () => {
    const predictor = await open({ transforms: [moduleNamed('counts.mjs')] });
    const born = await answered(predictor, words('who'));
    const parameters = { what: (() => 1) as never };
    await expect(predictor.infer({ ...words('who'), parameters }, call())).rejects.toThrow(/could not be cloned/);
    expect(await answered(predictor, words('who'))).toEqual(born);
  });

  test('a client in a hurry does not cost the thread that works for it', async () => {
    const predictor = await open({ transforms: [moduleNamed('counts.mjs')] });
    const born = await answered(predictor, words('who'));
    await expect(predictor.infer(words('slow'), call(100))).rejects.toMatchObject({ status: 504 });
    expect(await answered(predictor, words('who'))).toEqual(born);
  });

  test('a client that is gone is told so at once, and the thread lives on', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')], deadlineMs: SOON });
    const gone = new AbortController();
    const asked = predictor.infer(words('sleep'), call(ENOUGH, gone.signal));
    gone.abort();
    await expect(asked).rejects.toMatchObject({ status: 499 });
    expect(await answered(predictor, words('next'))).toEqual({ IN: ['NEXT'] });
  });

  test('who waits for a thread longer than the deadline gets 504', async () => {
    const predictor = await open({ transforms: [moduleNamed('shout.mjs')] });
    const holds = new AbortController();
    const first = predictor.infer(words('sleep'), call(5_000, holds.signal)).catch(() => 'over');
    await expect(predictor.infer(words('late'), call(50))).rejects.toMatchObject({
      status: 504,
      message: 'no thread of transform "shout.mjs" was free in time',
    });
    holds.abort();
    await first;
  });
});

test.each([
  { file: 'without-hooks.mjs', says: /exports none of preprocess, postprocess, explain/ },
  { file: 'throws.mjs', says: /does not load: it ends before it begins/ },
  { file: 'absent.mjs', says: /Cannot find module/ },
])('$file does not load, and says why', async ({ file, says }) => {
  await expect(open({ transforms: [moduleNamed('shout.mjs'), moduleNamed(file)] })).rejects.toMatchObject({
    code: 'TRANSFORM_INVALID',
    message: expect.stringMatching(says),
  });
});

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'hello', 'world', 'how', 'are', 'you'];

/** A WordPiece tokenizer of nine words that puts [CLS] and [SEP] around a text, as BERT's does. */
const BERT_LIKE = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: VOCABULARY.slice(0, 4).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
  },
};

const TOKEN_MODEL: Model = {
  inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
    name,
    datatype: 'INT64',
    shape: [-1, -1],
  })),
};

describe('tokenize', () => {
  const options = { maxTokens: 6, truncate: 'longest_first' as const, pad: 'longest' as const };
  const tokenizing = (config: object = {}, more: object = {}) =>
    builtIn({
      kind: 'tokenize',
      options: {
        ...options,
        ...more,
        directory: directoryWith({ 'tokenizer.json': BERT_LIKE, 'tokenizer_config.json': config }),
      },
    });
  const BERT = { pad_token: '[PAD]', tokenizer_class: 'BertTokenizer' };

  test('rows of ids and masks, filled up to the longest', async () => {
    const predictor = await open({ transforms: [tokenizing(BERT)], model: TOKEN_MODEL });
    const { outputs } = await predictor.infer(words('Hello world', 'you'), call());
    expect(outputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual(
      TOKEN_MODEL.inputs.map(({ name }) => [name, 'INT64', [2, 4]]),
    );
    expect(outputs.map((each) => valuesOf(each).map(Number))).toEqual([
      [2, 4, 5, 3, 2, 8, 3, 0],
      [1, 1, 1, 1, 1, 1, 1, 0],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  test('a long text is cut, and what stands around it stays', async () => {
    const predictor = await open({ transforms: [tokenizing(BERT)], model: TOKEN_MODEL });
    const { input_ids } = await answered(predictor, words('hello world how are you hello'));
    expect((input_ids as bigint[]).map(Number)).toEqual([2, 4, 5, 6, 7, 3]);
  });

  test('pairs: two texts a row, each with its type', async () => {
    const predictor = await open({ transforms: [tokenizing(BERT)], model: TOKEN_MODEL });
    const pairs = asking(...words('how', 'hello world').inputs, tensor('text_pair', 'BYTES', [2], ['are you', '']));
    const { outputs } = await predictor.infer(pairs, call());
    expect(outputs.map((each) => valuesOf(each).map(Number))).toEqual([
      [6, 7, 8, 4, 5, 0],
      [1, 1, 1, 1, 1, 0],
      [0, 1, 1, 0, 0, 0],
    ]);
    const uneven = asking(...words('how', 'hello').inputs, tensor('text_pair', 'BYTES', [1], ['you']));
    await expect(predictor.infer(uneven, call())).rejects.toMatchObject({
      status: 400,
      message: '"text_pair" has 1 rows, and "text" has 2',
    });
  });

  test('or refused, with both numbers', async () => {
    const predictor = await open({ transforms: [tokenizing(BERT, { truncate: undefined })], model: TOKEN_MODEL });
    await expect(predictor.infer(words('hello', 'hello world how are you hello'), call())).rejects.toMatchObject({
      status: 400,
      message: 'text 1 has 8 tokens, and 6 are the limit',
    });
  });

  test('padding to the limit, on the left', async () => {
    const predictor = await open({
      transforms: [tokenizing({ ...BERT, padding_side: 'left' }, { pad: 'max' })],
      model: TOKEN_MODEL,
    });
    const { input_ids, attention_mask } = await answered(predictor, words('you'));
    expect((input_ids as bigint[]).map(Number)).toEqual([0, 0, 0, 2, 8, 3]);
    expect((attention_mask as bigint[]).map(Number)).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test('a model that takes something else is named', async () => {
    const predictor = await open({ transforms: [tokenizing(BERT)], model: TEXT_MODEL });
    await expect(predictor.infer(words('you'), call())).rejects.toMatchObject({
      status: 400,
      message: 'model "m" takes "IN", and tokenize gives input_ids, attention_mask, token_type_ids',
    });
  });

  test('without its file it does not load', async () => {
    const directory = directoryWith({});
    const transforms = [builtIn({ kind: 'tokenize', options: { ...options, directory } })];
    await expect(open({ transforms })).rejects.toThrow(/tokenizer\.json: ENOENT/);
  });
});

describe('image', () => {
  const options = {
    width: 2,
    height: 1,
    fit: 'fill' as const,
    layout: 'NCHW' as const,
    scale: 1 / 255,
    mean: [0.5],
    std: [0.5],
  };
  const imaging = (more: object = {}) => builtIn({ kind: 'image', options: { ...options, ...more } });
  const modelOf = (datatype: string): Model => ({ inputs: [{ name: 'pixels', datatype, shape: [-1, 3, 1, 2] }] });
  /** Two pixels side by side: red, and white. */
  const png = () =>
    sharp(Uint8Array.of(255, 0, 0, 255, 255, 255), { raw: { width: 2, height: 1, channels: 3 } })
      .png()
      .toBuffer();
  const pictures = (...given: readonly Uint8Array[]) => asking(tensor('image', 'BYTES', [given.length], given));

  test('planes of normalised floats', async () => {
    const predictor = await open({ transforms: [imaging()], model: modelOf('FP32') });
    const { outputs } = await predictor.infer(pictures(await png()), call());
    expect(outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual([
      { name: 'pixels', datatype: 'FP32', shape: [1, 3, 1, 2] },
    ]);
    expect(valuesOf(outputs[0]!)).toEqual([1, 1, -1, 1, -1, 1]);
  });

  test('or the pixels as they are, one after the other', async () => {
    const predictor = await open({ transforms: [imaging({ layout: 'NHWC' })], model: modelOf('UINT8') });
    const { outputs } = await predictor.infer(pictures(await png(), await png()), call());
    expect(outputs[0]!.shape).toEqual([2, 1, 2, 3]);
    expect(valuesOf(outputs[0]!).slice(0, 6)).toEqual([255, 0, 0, 255, 255, 255]);
  });

  test('base64 is unwrapped: what JSON carries', async () => {
    const predictor = await open({ transforms: [imaging()], model: modelOf('FP32') });
    const wrapped = Buffer.from((await png()).toString('base64'));
    expect(await answered(predictor, pictures(wrapped))).toEqual({ pixels: [1, 1, -1, 1, -1, 1] });
  });

  test('small files that become more than 1 GiB are refused unread', async () => {
    const predictor = await open({ transforms: [imaging({ width: 1_024, height: 1_024 })], model: modelOf('FP32') });
    const many = Array.from({ length: 86 }, () => Buffer.from('nothing'));
    await expect(predictor.infer(pictures(...many), call())).rejects.toMatchObject({
      status: 400,
      message: '86 pictures of 1024x1024 are 1082130432 bytes, and 1073741824 are the limit',
    });
  });

  test('what is no picture is refused by its row', async () => {
    const predictor = await open({ transforms: [imaging()], model: modelOf('FP32') });
    await expect(
      predictor.infer(pictures(await png(), Buffer.from('no picture at all')), call()),
    ).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/^picture 1 cannot be read: /),
    });
  });
});

test('classify: the best few with their labels, as probabilities', async () => {
  const directory = directoryWith({ 'labels.txt': 'cat\ndog\nhorse\n' });
  const options = { topK: 2, labelsFile: join(directory, 'labels.txt'), softmax: true };
  const model: Model = {
    inputs: [],
    answer: () => [tensor('logits', 'FP32', [2, 3], [0, 0, Math.log(2), 5, 5, -1e30])],
  };
  const predictor = await open({ transforms: [builtIn({ kind: 'classify', options })], model });
  const { label, score } = await answered(predictor, asking());
  expect(label).toEqual(['horse', 'cat', 'cat', 'dog']);
  expect((score as number[]).map((each) => Math.round(each * 1000) / 1000)).toEqual([0.5, 0.25, 0.5, 0.5]);
  const { outputs } = await predictor.modelMetadata('m', '', call());
  expect(outputs.map(({ name }) => name)).toEqual(['label', 'score']);
});
