/** Bodies and events that pass: what is read of them, where a stream may be cut, how a refusal looks, which options fit. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import { checkOpenAi } from '../../../../src/gateway/openai/check.ts';
import { openAiError, openAiRefusal } from '../../../../src/gateway/openai/errors.ts';
import { modelOf, PassingEvents, readHead, usageOf } from '../../../../src/gateway/openai/passing.ts';
import { resolveGateway } from '../../../../src/gateway/settings.ts';
import { wholeEvents } from '../../../../src/gateway/upstream/openai/whole-events.ts';
import fc from '../../../property.ts';

const bytes = (json: object) => Buffer.from(JSON.stringify(json));

describe('the head of a body', () => {
  test.each([
    { json: { model: 'm', stream: true }, want: { model: 'm', stream: true } },
    { json: { model: 'm', stream: null }, want: { model: 'm', stream: false } },
    { json: {}, want: { model: '', stream: false } },
  ])('$json', ({ json, want }) => {
    expect(readHead(bytes(json))).toMatchObject(want);
  });

  test.each([
    { model: 'm', served: ['a', 'b'], want: 'm' },
    { model: '', served: ['a'], want: 'a' },
  ])('"$model" of $served is $want', ({ model, served, want }) => {
    expect(modelOf({ model, stream: false }, served)).toBe(want);
  });

  test.each([{ served: [] }, { served: ['a', 'b'] }])('no model of $served is refused', ({ served }) => {
    expect(() => modelOf({ model: '', stream: false }, served)).toThrow('"model" is missing');
  });
});

test.each([
  { json: {}, want: undefined },
  { json: { usage: null }, want: undefined },
  { json: { usage: { prompt_tokens: 'x' } }, want: undefined },
  { json: { usage: { prompt_tokens: -1 } }, want: undefined },
  { json: { usage: { prompt_tokens: 3, total_tokens: 3 } }, want: { prompt: 3, completion: 0 } },
  { json: { usage: { prompt_tokens: 3, completion_tokens: 4 } }, want: { prompt: 3, completion: 4 } },
])('the usage of $json is $want', ({ json, want }) => {
  expect(usageOf(json)).toEqual(want);
});

describe('passing events', () => {
  test.each([
    { what: 'done', text: 'data: {"a":1}\n\ndata: [DONE]\n\n', count: 2, last: 'done' },
    { what: 'done without a blank', text: 'data:[DONE]\r\n\r\n', count: 1, last: 'done' },
    { what: 'an error', text: 'data: {"error": {"message": "x"}}\n\ndata: [DONE]\n\n', count: 2, last: 'error' },
    { what: 'no last word', text: 'data: {"text": "data: [DONE]"}\n\n', count: 1, last: 'none' },
    { what: 'comments', text: ': ping\n\nevent: x\n\n', count: 0, last: 'none' },
  ])('$what', ({ text, count, last }) => {
    const passing = new PassingEvents();
    expect([passing.take(text), passing.last]).toEqual([count, last]);
  });

  test('the last usage counts, and a text that looks like one does not', () => {
    const passing = new PassingEvents();
    const content = JSON.stringify({ text: '"usage": {"prompt_tokens": 99, "completion_tokens": 99}' });
    passing.take(`data: {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n\n`);
    passing.take(`data: {"usage":{"prompt_tokens": 1, "completion_tokens": 2}}\n\ndata: ${content}\n\n`);
    passing.take('data: {"usage": null}\n\ndata: {"usage": {broken\n\n');
    expect(passing.usage).toEqual({ prompt: 1, completion: 2 });
  });
});

async function piecesOf(chunks: readonly Buffer[], maxBytes = 1_000): Promise<string[]> {
  const pieces: string[] = [];
  const tooLarge = () => new Error('too large');
  for await (const each of wholeEvents(asyncOf(chunks), maxBytes, tooLarge)) pieces.push(String(each));
  return pieces;
}
async function* asyncOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
const cutAt = (text: string, places: readonly number[]): Buffer[] => {
  const whole = Buffer.from(text);
  const sorted = [...new Set(places.map((at) => at % whole.length))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, at) => whole.subarray(from, sorted[at] ?? whole.length));
};

describe('a stream of bytes', () => {
  test('is cut only between events, wherever the network cuts it', async () => {
    const line = fc.constantFrom('data: {"a": "\u00e9"}', ': ping', 'event: x\ndata: 1', 'data: [DONE]');
    const property = fc.asyncProperty(
      fc.array(line, { minLength: 1 }),
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.nat()),
      async (lines, end, places) => {
        const text = lines.map((each) => each.replaceAll('\n', end) + end + end).join('');
        const pieces = await piecesOf(cutAt(text, places), 10_000);
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) expect(piece.endsWith(end + end)).toBe(true);
      },
    );
    await fc.assert(property);
  });

  test.each([
    {
      what: 'an event that lacks its empty line',
      chunks: ['data: 1\n\nda', 'ta: 2\n'],
      pieces: ['data: 1\n\n', 'data: 2\n\n\n'],
    },
    { what: '[DONE] without a line end', chunks: ['data: [DONE]'], pieces: ['data: [DONE]\n\n'] },
    { what: 'half an event: it is dropped', chunks: ['data: 1\n\ndata: {"a'], pieces: ['data: 1\n\n'] },
    { what: 'nothing', chunks: [], pieces: [] },
  ])('ends with $what', async ({ chunks, pieces }) => {
    expect(await piecesOf(chunks.map((each) => Buffer.from(each)))).toEqual(pieces);
  });

  test('without ends is bounded', async () => {
    const chunks = Array.from({ length: 11 }, () => Buffer.alloc(100, 'x'));
    await expect(piecesOf(chunks)).rejects.toThrow('too large');
    expect(await piecesOf([Buffer.from(`${'x'.repeat(900)}\n\n`), Buffer.from(`${'y'.repeat(900)}\n\n`)])).toHaveLength(
      2,
    );
  });
});

describe('a refusal', () => {
  test.each([
    { failure: new Failure(400, 'no'), error: { type: 'invalid_request_error', code: null } },
    { failure: new Failure(404, 'no'), error: { type: 'invalid_request_error', code: 'model_not_found' } },
    { failure: new Failure(429, 'no'), error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } },
    { failure: new Failure(501, 'no'), error: { type: 'server_error', code: 'not_supported' } },
    { failure: new Failure(503, 'no'), error: { type: 'server_error', code: null } },
    {
      failure: new Failure(400, 'no', { cause: { type: 'BadRequestError', param: 'n', code: 400, message: 'inner' } }),
      error: { type: 'BadRequestError', code: 400, param: 'n' },
    },
    {
      failure: new Failure(400, 'no', { cause: new Error('x') }),
      error: { type: 'invalid_request_error', code: null },
    },
  ])('of $failure.status with $error', ({ failure, error }) => {
    expect(openAiError(failure)).toEqual({ error: { message: 'no', param: null, ...error } });
  });

  test('says when to come again', () => {
    expect(openAiRefusal(new Failure(429, 'no', { retryAfter: 3 })).headers).toEqual({ 'retry-after': '3' });
  });
});

describe('options', () => {
  const OPENAI = ['--predictor_protocol=openai'];
  const refusals = (...argv: string[]) =>
    resolveGateway(['--predictor_host=p:80', ...argv], {}).refusals.map(({ message }) => message);

  test.each([
    { argv: [...OPENAI] },
    { argv: [...OPENAI, '--openai_prefix=/openai'] },
    { argv: [...OPENAI, '--openai_prefix=/a/b-c', '--model_warmup=a'] },
    { argv: ['--predictor_protocol=grpc-v2', '--chat_template=/m', '--text_input_name=q'] },
  ])('$argv fit', ({ argv }) => {
    expect(refusals(...argv)).toEqual([]);
  });

  test.each([
    { argv: [...OPENAI, '--openai_prefix=openai'], says: '--openai_prefix is "openai"' },
    { argv: [...OPENAI, '--openai_prefix=/x/'], says: '--openai_prefix is "/x/"' },
    { argv: [...OPENAI, '--openai_prefix=/x?y'], says: '--openai_prefix is "/x?y"' },
    { argv: ['--openai_prefix=/x'], says: 'is for --predictor_protocol openai' },
    { argv: [...OPENAI, '--chat_template=/m'], says: '--chat_template has nothing to do with' },
    { argv: [...OPENAI, '--text_input_name=x'], says: '--text_input_name has nothing' },
    { argv: [...OPENAI, '--transform=./a.mjs'], says: '--transform has nothing' },
  ])('$argv do not', ({ argv, says }) => {
    expect(refusals(...argv)).toEqual([expect.stringContaining(says)]);
  });

  test('are all told at once', () => {
    const values = { openai_prefix: 'x', chat_template: 'y', text_input_name: 'z', text_output_name: undefined };
    const more = { predictor_protocol: 'openai', transform: [] };
    expect(checkOpenAi({ ...values, ...more })).toHaveLength(3);
  });
});
