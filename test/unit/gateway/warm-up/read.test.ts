import { describe, expect, test } from 'vitest';
import { readWarmUp } from '../../../../src/gateway/warm-up/read.ts';

const V2 = '{"inputs":[{"name":"IN","datatype":"FP32","shape":[1],"data":[0]}]}';
const read = (text: string, openAi = false) => readWarmUp(text, 'warm.jsonl', { model: 'default', openAi });

test('a request a line, in V1 or V2, for the default model or another', () => {
  const { requests, refusals } = read(`${V2}\n\n{"model":"m","version":"2","instances":[[1]]}\n{"inputs":{"a":[1]}}\n`);
  expect(refusals).toEqual([]);
  expect(requests.map(({ body, ...rest }) => ({ ...rest, body: String(body) }))).toEqual([
    { line: 1, model: 'default', version: '', api: 'v2', body: V2 },
    { line: 3, model: 'm', version: '2', api: 'v1', body: '{"instances":[[1]]}' },
    { line: 4, model: 'default', version: '', api: 'v1', body: '{"inputs":{"a":[1]}}' },
  ]);
});

test('an OpenAI request a line, where the predictor speaks that', () => {
  const lines = ['{"messages":[]}', '{"model":"m","prompt":"a"}', '{"input":"a"}', V2];
  const { requests, refusals } = read(lines.join('\n'), true);
  expect(requests.map(({ api, body }) => [api, String(body)])).toEqual([
    ['chat/completions', '{"model":"default","messages":[]}'],
    ['completions', '{"model":"m","prompt":"a"}'],
    ['embeddings', '{"model":"default","input":"a"}'],
  ]);
  expect(refusals).toMatchObject([
    {
      message: 'warm.jsonl, line 4: none of "messages", "prompt" and "input"',
      hint: expect.stringContaining('"messages": [{'),
    },
  ]);
});

describe('what is wrong is named by its line, all at once', () => {
  test.each([
    { text: '', says: [/^warm\.jsonl holds no request$/] },
    { text: `${V2}\n{`, says: [/^warm\.jsonl, line 2: no JSON: /] },
    { text: '[1]', says: [/line 1: no object$/] },
    { text: '{"model":1,"inputs":[]}', says: [/line 1: "model" and "version" are text$/] },
    { text: '{"x":1}\n{"y":2}', says: [/line 1: neither "inputs" nor "instances"$/, /line 2: neither/] },
    { text: `${V2}\n`.repeat(10_001), says: [/holds 10001 requests, more than 10000$/] },
  ])('$says', ({ text, says }) => {
    const { refusals } = read(text);
    expect(refusals).toHaveLength(says.length);
    for (const [at, pattern] of says.entries()) expect(refusals[at]?.message).toMatch(pattern);
    expect(refusals.every(({ code }) => code === 'WARM_UP_INVALID')).toBe(true);
  });
});
