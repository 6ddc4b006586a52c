/** Which input takes the prompt and which the other fields, and what an answer's text comes to. */
import { describe, expect, test } from 'vitest';
import { readFields } from '../../../../src/gateway/openai/text/fields.ts';
import { readAnswer, requestOf, textModelOf } from '../../../../src/gateway/openai/text/model.ts';
import { Reading, type ReadingOptions } from '../../../../src/gateway/openai/text/reading.ts';
import type { ModelMetadata, TensorMetadata } from '../../../../src/gateway/protocol/infer.ts';
import { tensorOf } from '../../../../src/gateway/protocol/nested.ts';
import { valuesOf } from '../../../../src/gateway/tensor/to-json.ts';

const tensors = (all: Readonly<Record<string, string>>): TensorMetadata[] =>
  Object.entries(all).map(([name, datatype]) => ({ name, datatype, shape: [1] }));
const modelWith = (inputs: Readonly<Record<string, string>>, outputs = { text_output: 'BYTES' }): ModelMetadata => ({
  name: 'm',
  versions: [],
  platform: '',
  inputs: tensors(inputs),
  outputs: tensors(outputs),
});
const NO_NAMES = { input: undefined, output: undefined };
const VLLM = {
  text_input: 'BYTES', stream: 'BOOL', sampling_parameters: 'BYTES', exclude_input_in_output: 'BOOL', return_finish_reason: 'BOOL',
  return_num_input_tokens: 'BOOL', return_num_output_tokens: 'BOOL',
}; // biome-ignore format: a table
const TENSORRT = {
  text_input: 'BYTES', max_tokens: 'INT32', stop_words: 'BYTES', stream: 'BOOL', temperature: 'FP32', random_seed: 'UINT64',
}; // biome-ignore format: a table

describe('textModelOf', () => {
  test.each([
    { what: 'the usual name', inputs: { text_input: 'BYTES', trace: 'BYTES' }, prompt: 'text_input' },
    { what: 'the only one of BYTES', inputs: { QUERY: 'BYTES', n: 'INT32' }, prompt: 'QUERY' },
    { what: 'the one that is named', inputs: { a: 'BYTES', b: 'BYTES' }, input: 'b', prompt: 'b' },
    { what: 'the one that is named, of a model that tells none', inputs: {}, input: 'x', prompt: 'x' },
  ])('takes $what', ({ inputs, input, prompt }) => {
    expect(textModelOf(modelWith(inputs as never), { ...NO_NAMES, input }).prompt.name).toBe(prompt);
  });

  test.each([
    { what: 'no text', inputs: { IN: 'FP32' }, says: 'its inputs of BYTES are none' },
    { what: 'a choice', inputs: { a: 'BYTES', b: 'BYTES' }, says: 'its inputs of BYTES are a, b' },
    { what: 'a name that is not there', inputs: { a: 'BYTES' }, input: 'x', says: 'has no input "x" of BYTES, but a' },
    { what: 'nothing told', inputs: {}, says: 'no inputs are known' },
    { what: 'no text out', inputs: { a: 'BYTES' }, outputs: { O: 'FP32' }, says: 'its outputs of BYTES are none' },
  ])('refuses $what, and says how to go on', ({ inputs, outputs, input, says }) => {
    const metadata = modelWith(inputs as never, outputs as never);
    const refused = expect(() => textModelOf(metadata, { ...NO_NAMES, input }));
    refused.toThrow(expect.objectContaining({ status: 501, message: expect.stringContaining(says) }));
    refused.toThrow(/--text_(input|output)_name/);
  });
});

describe('requestOf', () => {
  const ask = { max_tokens: 5, temperature: 0.5, seed: 7, top_k: 3, stop: ['x', 'y'], stream: true };
  const made = (inputs: Readonly<Record<string, string>>) => {
    const model = textModelOf(modelWith(inputs), NO_NAMES);
    const request = requestOf(model, readFields(ask, 'completions', ['p']), 'p');
    return {
      inputs: Object.fromEntries(request.inputs.map((each) => [each.name, valuesOf(each)])),
      parameters: request.parameters,
    };
  };

  test("gives Triton's vLLM backend one JSON object, and asks it to count", () => {
    const { inputs, parameters } = made(VLLM);
    const { sampling_parameters: sampling, ...others } = inputs;
    expect(JSON.parse(String(sampling))).toEqual({
      max_tokens: 5,
      temperature: 0.5,
      seed: 7,
      top_k: 3,
      stop: ['x', 'y'],
    });
    const asked = { exclude_input_in_output: [true], return_finish_reason: [true] };
    const counts = { return_num_input_tokens: [true], return_num_output_tokens: [true] };
    expect(others).toEqual({ text_input: ['p'], stream: [true], ...asked, ...counts });
    expect(parameters).toEqual({});
  });

  test('gives TensorRT-LLM inputs of its own names, and the rest as parameters', () => {
    expect(made(TENSORRT)).toEqual({
      inputs: {
        text_input: ['p'],
        stream: [true],
        max_tokens: [5],
        temperature: [0.5],
        random_seed: [7n],
        stop_words: ['x', 'y'],
      },
      parameters: { top_k: 3 },
    });
  });

  test('gives a model of text alone parameters; what ends an answer is cut here', () => {
    expect(made({ text_input: 'BYTES' })).toEqual({
      inputs: { text_input: ['p'] },
      parameters: { max_tokens: 5, temperature: 0.5, seed: 7, top_k: 3 },
    });
  });

  test('fills axes of a batch', () => {
    const metadata = { ...modelWith({}), inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [-1, 1] }] };
    const request = requestOf(textModelOf(metadata, NO_NAMES), readFields({}, 'completions', ['p']), 'p');
    expect(request.inputs[0]?.shape).toEqual([1, 1]);
  });

  test('refuses a field that is where the prompt goes', () => {
    const model = textModelOf(modelWith({ text_input: 'BYTES' }), NO_NAMES);
    const text = readFields({ text_input: 'x' }, 'completions', ['p']);
    expect(() => requestOf(model, text, 'p')).toThrow('"text_input" is where the prompt goes');
  });
});

describe('readAnswer', () => {
  const model = textModelOf(modelWith(VLLM), NO_NAMES);
  const answer = (values: Readonly<Record<string, readonly [string, unknown]>>) => ({
    model: 'm',
    version: '',
    id: '',
    parameters: {},
    outputs: Object.entries(values).map(([name, [datatype, value]]) =>
      tensorOf({ name, datatype, shape: [1] }, value, 'front'),
    ),
  });
  const NONE = { finish: undefined, promptTokens: undefined, completionTokens: undefined };

  test.each([
    { what: 'text', values: { text_output: ['BYTES', 'a'] }, want: { ...NONE, text: 'a' } },
    {
      what: 'a finish that is none yet',
      values: { text_output: ['BYTES', 'a'], finish_reason: ['BYTES', 'None'] },
      want: { ...NONE, text: 'a' },
    },
    {
      what: 'all that vLLM says',
      values: {
        text_output: ['BYTES', 'a'],
        finish_reason: ['BYTES', 'length'],
        num_input_tokens: ['UINT32', 3],
        num_output_tokens: ['UINT32', 1],
      },
      want: { text: 'a', finish: 'length', promptTokens: 3, completionTokens: 1 },
    },
  ] as const)('reads $what', ({ values, want }) => {
    expect(readAnswer(answer(values as never), model)).toEqual(want);
  });

  test('without a text is the model’s mistake', () => {
    expect(() => readAnswer(answer({ other: ['BYTES', 'a'] }), model)).toThrow(
      expect.objectContaining({ status: 502, message: expect.stringContaining('without text_output') }),
    );
  });
});

describe('Reading', () => {
  const reading = (options: Partial<ReadingOptions> = {}) =>
    new Reading({
      prompt: 'p',
      rendered: false,
      stop: [],
      maxTokens: undefined,
      cumulative: false,
      tokens: undefined,
      ...options,
    });
  const said = (text: string, more = {}) => ({
    text,
    finish: undefined,
    promptTokens: undefined,
    completionTokens: undefined,
    ...more,
  });

  test.each([
    { what: 'no stop', stop: [], texts: ['a', 'b'], out: ['a', 'b', ''], stopped: false },
    { what: 'a stop in one answer', stop: ['END'], texts: ['abENDcd', 'e'], out: ['ab', '', ''], stopped: true },
    { what: 'a stop over answers', stop: ['END'], texts: ['aE', 'N', 'Db'], out: ['a', '', '', ''], stopped: true },
    { what: 'what only begins like it', stop: ['END'], texts: ['aE', 'Nx'], out: ['a', 'ENx', ''], stopped: false },
    { what: 'a beginning at the end', stop: ['END'], texts: ['aEN'], out: ['a', 'EN'], stopped: false },
    { what: 'the first of two', stop: ['yy', 'x'], texts: ['ayxyy'], out: ['ay', ''], stopped: true },
    { what: 'one within another', stop: ['aab', 'ab'], texts: ['aa', 'ab'], out: ['', 'a', ''], stopped: true },
  ])('cuts at $what', ({ stop, texts, out, stopped }) => {
    const one = reading({ stop });
    expect([...texts.map((text) => one.take(said(text))), one.end()]).toEqual(out);
    expect([one.stopped, one.finishReason]).toEqual([stopped, 'stop']);
  });

  test('gives what is new of answers that repeat what was before', () => {
    const one = reading({ cumulative: true });
    expect(['a', 'ab', 'abc'].map((text) => one.take(said(text)))).toEqual(['a', 'b', 'c']);
  });

  test('takes the model’s own count before the tokenizer’s, and its reason', () => {
    const one = reading({ tokens: { prompt: () => 90, completion: () => 90 } });
    one.take(said('a', { promptTokens: 3, completionTokens: 1 }));
    one.take(said('b', { promptTokens: 3, completionTokens: 2, finish: 'length' }));
    expect([one.usage, one.finishReason]).toEqual([{ prompt: 3, completion: 3 }, 'length']);
  });

  test('counts by a tokenizer, special tokens only where no template put them', () => {
    const tokens = {
      prompt: (text: string, rendered: boolean) => text.length + (rendered ? 0 : 1),
      completion: (text: string) => text.length,
    };
    const one = reading({ tokens, prompt: 'abc', rendered: true, maxTokens: 2 });
    one.take(said('x'));
    expect(one.finishReason).toBe('stop');
    one.take(said('y'));
    expect([one.usage, one.finishReason]).toEqual([{ prompt: 3, completion: 2 }, 'length']);
    expect(reading({ tokens, prompt: 'abc' }).usage).toEqual({ prompt: 4, completion: 0 });
  });

  test('says nothing of what nobody counts', () => {
    expect(reading().usage).toBeUndefined();
  });
});
