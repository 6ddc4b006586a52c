/** generate and generate_stream on a real decoupled model, beside Triton's own HTTP, and cancel. faults.test.ts has what breaks. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventsOf, post, withTriton } from './triton.ts';

const both = withTriton(['gen', 'fail', 'echo_fp32']);
const STREAM = '/v2/models/gen/generate_stream';

const askBoth = async (path: string, body: object) => {
  const [triton, muster] = await Promise.all([
    post(both.triton.httpPort, path, JSON.stringify(body)),
    post(both.gateway.port, path, JSON.stringify(body)),
  ]);
  return { triton, muster };
};

// Few tokens: Triton 2.51's own HTTP was seen to lose some hundreds of 5,000 on a machine with ten times more to do than it can.
describe('the same as Triton says it', () => {
  test.each([
    { what: 'one token', body: { text_input: 'hello' } },
    { what: 'some', body: { text_input: 'a b c', max_tokens: 5 } },
    { what: 'none', body: { text_input: 'a', max_tokens: 0 } },
    { what: 'an id', body: { id: 'g1', text_input: 'a b' } },
    { what: 'inputs under "parameters"', body: { text_input: 'a', parameters: { max_tokens: 3 } } },
    { what: 'an error after two tokens', body: { text_input: 'a b c d', fail_at: 2 } },
    { what: 'an error before the first', body: { text_input: 'a', fail_at: 0 } },
  ])('a stream of $what', async ({ body }) => {
    const { triton, muster } = await askBoth(STREAM, body);
    expect(muster.status).toBe(triton.status);
    expect(eventsOf(muster.text)).toEqual(eventsOf(triton.text));
  });

  test('generate with one answer', async () => {
    const { triton, muster } = await askBoth('/v2/models/gen/generate', { text_input: 'hello' });
    expect([triton.status, muster.status]).toEqual([200, 200]);
    expect(JSON.parse(muster.text)).toEqual(JSON.parse(triton.text));
  });
});

describe('better than Triton says it', () => {
  test('generate with several answers is 400, not an error under 200', async () => {
    const { triton, muster } = await askBoth('/v2/models/gen/generate', { text_input: 'a b' });
    expect([triton.status, JSON.parse(triton.text).error]).toEqual([
      200,
      expect.stringContaining('exactly 1 response'),
    ]);
    expect([muster.status, JSON.parse(muster.text).error]).toEqual([400, expect.stringContaining('generate_stream')]);
  });

  test('an unknown model is 404', async () => {
    const answer = await post(both.gateway.port, '/v2/models/nope/generate_stream', '{}');
    expect(answer.status).toBe(404);
  });

  test('a model that raises is 500', async () => {
    expect((await post(both.gateway.port, '/v2/models/fail/generate_stream', '{"IN": 1}')).status).toBe(500);
  });
});

describe('a client of a real model', () => {
  test('has its first token while the model still thinks about the second', async () => {
    const response = await fetch(`http://127.0.0.1:${both.gateway.port}${STREAM}`, {
      method: 'POST',
      body: JSON.stringify({ text_input: 'a b', delay_ms: 600_000 }),
    });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(eventsOf(String(Buffer.from(value!)))).toEqual([expect.objectContaining({ text_output: 'a', index: 0 })]);
    await reader.cancel();
  });

  test('that goes away stops the model', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gen-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const trace = join(dir, 'trace');
    const response = await fetch(`http://127.0.0.1:${both.gateway.port}${STREAM}`, {
      method: 'POST',
      body: JSON.stringify({ text_input: 'a', max_tokens: 100_000, delay_ms: 10, trace }),
    });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => readFileSync(trace, 'utf8'), { timeout: 60_000 }).toMatch(/cancelled at \d+/);
  });

  test('gets 5,000 tokens in order', async () => {
    const { text } = await post(both.gateway.port, STREAM, JSON.stringify({ text_input: 'a b c', max_tokens: 5_000 }));
    expect(eventsOf(text).map(({ index }) => index)).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
  });
});

test('V1 rows and columns go through a real model, INT64 beside FP32', async () => {
  const body = JSON.stringify({ instances: [[1, 2.5]] });
  const answer = await post(both.gateway.port, '/v1/models/echo_fp32:predict', body);
  expect(JSON.parse(answer.text)).toEqual({ predictions: [[1, 2.5]] });
});
