/** `--predictor_protocol openai`: bodies and events that pass as they are, in front of a server that misbehaves. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, BODY, event, gateway, INFER, open } from './fixture.ts';
import { type FakeRest, fakeRest, json, type RestHandler } from './rest-fixture.ts';

const CHAT = '/v1/chat/completions';
const ANSWER =
  '{"id": "c1", "choices": [{"text": "caf\u00e9"}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}';
const MODELS = { object: 'list', data: [{ id: 'm', object: 'model', created: 7, owned_by: 'me', max_model_len: 512 }] };
const chunk = (text: string) => `data: {"choices": [{"delta": {"content": "${text}"}}], "usage":null}\n\n`;
const USAGE = 'data: {"choices": [], "usage":{"prompt_tokens":2,"completion_tokens":4}}\n\n';
const DONE = 'data: [DONE]\n\n';

const server = (handlers: Readonly<Record<string, RestHandler>> = {}) =>
  fakeRest({
    'GET /health': json({}),
    'GET /v1/models': json(MODELS),
    [`POST ${CHAT}`]: (_came, response) => void response.end(ANSWER),
    ...handlers,
  });
const inFrontOf = ({ port }: FakeRest, ...argv: string[]) =>
  gateway(port, '--predictor_protocol=openai', '--model_name=m', ...argv);
const head = (response: ServerResponse, headers = {}) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
/** Answers a stream with these bytes, and ends it. */
const events =
  (...texts: readonly string[]): RestHandler =>
  (_came, response) => {
    head(response);
    for (const text of texts) response.write(text);
    response.end();
  };
const streamed = (handler: RestHandler, ...argv: string[]) =>
  server({ [`POST ${CHAT}`]: handler }).then(async (fake) => ({ fake, ...(await inFrontOf(fake, ...argv)) }));
const asked = (body: object = {}) => ({ body: JSON.stringify({ model: 'm', stream: true, messages: [], ...body }) });
const metricsOf = async (port: number) => String((await ask(port, '/metrics')).body);
const errorIn = (body: Buffer) => {
  const last = String(body).trim().split('\n\n').at(-1) ?? '';
  return (JSON.parse(last.replace(/^data: /, '')) as { error: Record<string, unknown> }).error;
};
async function firstOf(response: IncomingMessage): Promise<string> {
  const [first] = (await once(response, 'data')) as [Buffer];
  return String(first);
}

describe('a body', () => {
  test.each([
    { path: '/v1/completions' },
    { path: CHAT },
    { path: '/v1/embeddings' },
    { path: '/v1/rerank' },
    { path: '/openai/v1/chat/completions', to: CHAT },
  ])('to $path passes as it is, and so does the answer', async ({ path, to = path }) => {
    const fake = await server({ [`POST ${to}`]: (_came, response) => void response.end(ANSWER) });
    const { port } = await inFrontOf(fake);
    const given = '{ "model":"m","messages" : [1.0, "\u00e9"], "unknown": {"deep": null} }';
    const answer = await ask(port, path, { body: given, headers: { authorization: 'Bearer me' } });
    expect([answer.status, String(answer.body)]).toEqual([200, ANSWER]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(fake.came).toEqual([expect.objectContaining({ path: to, body: Buffer.from(given) })]);
    expect(fake.came[0]?.headers).toMatchObject({ authorization: 'Bearer me', 'content-type': 'application/json' });
  });

  test('goes behind --openai_prefix, where KServe serves it', async () => {
    const fake = await fakeRest({
      'GET /openai/v1/models': json(MODELS),
      'POST /openai/v1/completions': (_came, response) => void response.end(ANSWER),
    });
    const { port } = await inFrontOf(fake, '--openai_prefix=/openai');
    expect((await ask(port, '/v1/completions', { body: '{"model": "m"}' })).status).toBe(200);
    expect((await ask(port, '/v2/health/ready')).status).toBe(200);
  });

  test('tells how many tokens it was', async () => {
    const { port } = await inFrontOf(await server());
    await ask(port, CHAT, { body: '{"model": "m"}' });
    const metrics = await metricsOf(port);
    expect(metrics).toContain('muster_gateway_tokens_total{model_name="m",kind="prompt"} 3');
    expect(metrics).toContain('muster_gateway_tokens_total{model_name="m",kind="completion"} 5');
  });

  test('is asked for again when the predictor is not there yet, where retries are allowed', async () => {
    let tries = 0;
    const fake = await server({
      [`POST ${CHAT}`]: (came, response, request) => {
        tries += 1;
        (tries === 1 ? json({ error: { message: 'loading' } }, 503) : json({ tries }))(came, response, request);
      },
    });
    const { port } = await inFrontOf(fake, '--predictor_request_retries=1');
    expect((await ask(port, CHAT, { body: '{"model": "m"}' })).json).toEqual({ tries: 2 });
  });
});

describe('what is wrong is said as OpenAI says it', () => {
  test.each([
    { what: 'no JSON', body: '{"model": ', status: 400, says: 'the body is no JSON' },
    { what: 'a model that is not served', body: '{"model": "x"}', status: 404, says: '"x"', code: 'model_not_found' },
    { what: 'a model that is no text', body: '{"model": 1}', status: 400, says: '"model" must be a string' },
    { what: 'a stream that is no switch', body: '{"model": "m", "stream": "yes"}', status: 400, says: '"stream"' },
  ])('$what, before the predictor hears of it', async ({ body, status, says, code = null }) => {
    const fake = await server();
    const { port } = await inFrontOf(fake);
    const answer = await ask(port, CHAT, { body });
    const error = { message: expect.stringContaining(says), type: 'invalid_request_error', param: null, code };
    expect([answer.status, answer.json]).toEqual([status, { error }]);
    expect(fake.came).toEqual([]);
  });

  test('a model that is missing, where there are several', async () => {
    const fake = await server();
    const { port } = await inFrontOf(fake, '--model_name=m,n');
    expect(errorIn((await ask(port, CHAT, { body: '{}' })).body).message).toContain(
      '"model" is missing; there is m, n',
    );
    const { port: one } = await inFrontOf(fake);
    expect((await ask(one, CHAT, { body: '{}' })).status).toBe(200);
  });

  test.each([{ stream: false }, { stream: true }])(
    "the predictor's own words, with Retry-After, stream: $stream",
    async ({ stream }) => {
      const error = { message: 'too many', type: 'requests', param: 'n', code: 'rate_limit_exceeded' };
      const { port } = await streamed(json({ error }, 429, { 'retry-after': '7' }));
      const answer = await ask(port, CHAT, asked({ stream }));
      expect([answer.status, answer.headers['retry-after'], answer.json]).toEqual([429, '7', { error }]);
    },
  );

  test('an answer that is no JSON', async () => {
    const { port } = await streamed((_came, response) => void response.end('<html>'));
    const answer = await ask(port, CHAT, asked({ stream: false }));
    expect([answer.status, errorIn(answer.body).type]).toEqual([502, 'server_error']);
  });

  test('an answer in one piece where a stream was asked for', async () => {
    const { port } = await streamed(json({ choices: [] }));
    const answer = await ask(port, CHAT, asked());
    expect(answer.status).toBe(502);
    expect(errorIn(answer.body).message).toContain('answered with application/json');
  });

  test('tensors', async () => {
    const { port } = await inFrontOf(await server());
    for (const [path, body] of [
      [INFER, BODY],
      ['/v1/models/m:predict', '{"instances": [1]}'],
      ['/v2/models/m/generate_stream', '{"text_input": "a"}'],
    ] as const) {
      const answer = await ask(port, path, { body });
      expect(answer.status, path).toBe(501);
      expect(String(answer.body)).toContain('write to /v1/completions');
    }
  });

  test("tensors that call themselves a body: the model in it would be nobody's to check", async () => {
    const fake = await server({ 'POST /v1/completions': (_came, response) => void response.end(ANSWER) });
    const { port } = await inFrontOf(fake);
    const data = [JSON.stringify({ model: 'another', prompt: 'a' })];
    const body = JSON.stringify({
      parameters: { openai_path: 'completions' },
      inputs: [{ name: 'openai-document', datatype: 'BYTES', shape: [1], data }],
    });
    expect((await ask(port, INFER, { body })).status).toBe(501);
  });
});

describe('a stream', () => {
  test.each([
    { what: 'events', texts: [chunk('a'), chunk('b\u00e9'), DONE] },
    { what: 'events in one piece', texts: [`${chunk('a')}${chunk('b')}${DONE}`] },
    { what: 'comments and names', texts: [': ping\n\n', `event: response\nid: 1\n${chunk('a')}`, DONE] },
    { what: 'lines ended by CRLF', texts: [chunk('a').replaceAll('\n', '\r\n'), 'data: [DONE]\r\n\r\n'] },
    { what: 'events cut anywhere', texts: [...`${chunk('a')}${DONE}`] },
    { what: 'events that are no JSON', texts: ['data: {"choices"\n\n', DONE] },
  ])('of $what passes byte by byte', async ({ texts }) => {
    const { port } = await streamed(events(...texts));
    const answer = await ask(port, CHAT, asked());
    expect([answer.status, String(answer.body)]).toEqual([200, texts.join('')]);
    expect(answer.headers['content-type']).toContain('text/event-stream');
    expect(await metricsOf(port)).toContain('muster_gateway_openai_streams_total{model_name="m",last="done"} 1');
  });

  test('tells its tokens and its events, but no comments', async () => {
    const { port } = await streamed(events(': ping\n\n', chunk('a'), chunk('b'), USAGE, DONE));
    await ask(port, CHAT, asked());
    const metrics = await metricsOf(port);
    expect(metrics).toContain('muster_gateway_tokens_total{model_name="m",kind="completion"} 4');
    expect(metrics).toContain('muster_gateway_stream_answers_total{model_name="m"} 4');
  });

  test('gives its first event while the second is not made yet', async () => {
    const { port } = await streamed((_came, response) => void head(response).write(chunk('a')));
    const response = await open(port, CHAT, asked());
    expect(await firstOf(response)).toBe(chunk('a'));
    response.destroy();
  });

  test('whose predictor lacks the last empty line is whole', async () => {
    const { port } = await streamed(events(chunk('a'), 'data: [DONE]'));
    expect(String((await ask(port, CHAT, asked())).body)).toBe(`${chunk('a')}${DONE}`);
  });

  test('that ends properly without [DONE] is as it is, and counted', async () => {
    const { port } = await streamed(events(chunk('a')));
    expect(String((await ask(port, CHAT, asked())).body)).toBe(chunk('a'));
    expect(await metricsOf(port)).toContain('last="none"} 1');
  });

  test('that says an error passes, and is counted', async () => {
    const { port } = await streamed(events('data: {"error": {"message": "no"}}\n\n', DONE));
    expect(errorIn(Buffer.from(String((await ask(port, CHAT, asked())).body).replace(DONE, '')))).toEqual({
      message: 'no',
    });
    expect(await metricsOf(port)).toContain('last="error"} 1');
  });

  test('ends with [DONE], also where the connection stays open', async () => {
    const { port } = await streamed((_came, response) => void head(response).write(DONE));
    expect(String((await ask(port, CHAT, asked())).body)).toBe(DONE);
  });
});

describe('a stream that breaks off ends with one error event (fault 39)', () => {
  test.each<{ what: string; breaks: RestHandler; says: string }>([
    {
      what: 'cut within an event',
      breaks: (_came, response) => {
        head(response).write(`${chunk('a')}data: {"choices"`);
        setImmediate(() => response.destroy());
      },
      says: 'the predictor',
    },
    {
      what: 'closed before [DONE], where only that says the end',
      breaks: (_came, response) => {
        response.useChunkedEncodingByDefault = false;
        head(response, { connection: 'close' });
        response.end(`${chunk('a')}data: {"choices"`);
      },
      says: 'before [DONE]',
    },
  ])('$what', async ({ breaks, says }) => {
    const { port } = await streamed(breaks);
    const answer = await ask(port, CHAT, asked());
    const [first, ...rest] = String(answer.body).split('\n\n');
    expect(first).toBe(chunk('a').trim());
    expect(rest).toHaveLength(2); // the error, and the empty end
    expect(errorIn(answer.body)).toMatchObject({ message: expect.stringContaining(says), type: 'server_error' });
    expect(await metricsOf(port)).toContain('muster_gateway_streams_total{model_name="m",ended="error"} 1');
  });

  test.each([
    { when: 'before its first event', texts: [], seconds: 5, status: 504, whole: true },
    // Long enough for the first event on a busy machine.
    { when: 'after it', texts: [chunk('a')], seconds: 5, status: 200, whole: false },
  ])('a predictor that is silent $when', async ({ texts, seconds, status, whole }) => {
    const silent: RestHandler = (_came, response) => {
      head(response).flushHeaders();
      for (const text of texts) response.write(text);
    };
    const { port } = await streamed(silent, `--stream_idle_timeout_seconds=${seconds}`);
    const answer = await ask(port, CHAT, asked());
    expect([answer.status, answer.headers['content-type'] === 'application/json']).toEqual([status, whole]);
    expect(errorIn(answer.body).message).toContain('--stream_idle_timeout_seconds');
  });
});

test('a client that goes ends its request at the predictor (fault 39)', async () => {
  const ended = event();
  const { port } = await streamed((_came, response) => {
    response.once('close', () => ended.happened());
    head(response).write(chunk('a'));
  });
  const response = await open(port, CHAT, asked());
  await firstOf(response);
  response.destroy();
  await ended.came;
});

test('a client that does not read holds its predictor back (fault 39)', async () => {
  const big = chunk('x'.repeat(64 * 1024));
  const ended = event();
  const stuck = event();
  let written = 0;
  const { port } = await streamed((_came, response) => {
    response.once('close', () => ended.happened());
    head(response);
    const more = (): void => {
      while (!response.destroyed && written < 1e9) {
        written += big.length;
        if (!response.write(big)) break;
      }
      const patience = setTimeout(() => stuck.happened(), 2_000);
      response.once('drain', () => {
        clearTimeout(patience);
        more();
      });
    };
    more();
  });
  const response = await open(port, CHAT, asked());
  await firstOf(response);
  response.pause();
  await stuck.came;
  expect(written).toBeLessThan(200e6); // buffers of sockets and what is on its way; not what it would say
  response.destroy();
  await ended.came;
});

describe('readiness follows the predictor', () => {
  test.each<{ what: string; handlers: Readonly<Record<string, RestHandler>>; status: number; says?: string }>([
    { what: 'healthy, and has the model', handlers: {}, status: 200 },
    { what: 'without a path for health', handlers: { 'GET /health': json({}, 404) }, status: 200 },
    { what: 'wanting a key for its models', handlers: { 'GET /v1/models': json({ error: 'key?' }, 401) }, status: 200 },
    {
      what: 'wanting a key, without a path for health',
      handlers: { 'GET /health': json({}, 404), 'GET /v1/models': json({ error: 'key?' }, 401) },
      status: 200,
    },
    { what: 'loading', handlers: { 'GET /health': json({}, 503) }, status: 503 },
    {
      what: 'broken',
      handlers: { 'GET /health': json({ error: 'engine died' }, 500) },
      status: 503,
      says: 'engine died',
    },
    {
      what: 'healthy, with another model',
      handlers: { 'GET /v1/models': json({ data: [{ id: 'x' }] }) },
      status: 503,
      says: 'has no model "m"; it has x',
    },
  ])('$what: $status', async ({ handlers, status, says = '' }) => {
    const { port } = await inFrontOf(await server(handlers));
    const answer = await ask(port, '/v2/health/ready');
    expect([answer.status, String(answer.json.error ?? '')]).toEqual([status, expect.stringContaining(says)]);
  });
});

test('a warm-up of its own requests comes before it is ready', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'warm-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'warm.jsonl');
  writeFileSync(file, '{"messages": [], "max_tokens": 1}\n');
  const [asked, answer] = [event(), event()];
  const fake = await server({
    [`POST ${CHAT}`]: async (_came, response) => {
      asked.happened();
      await answer.came;
      response.end(ANSWER);
    },
  });
  const { port } = await inFrontOf(fake, `--model_warmup=${file}`);
  await asked.came;
  expect((await ask(port, '/v2/health/ready')).json.error).toContain('warming up');
  answer.happened();
  await expect.poll(async () => (await ask(port, '/v2/health/ready')).status, { timeout: 30_000 }).toBe(200);
  expect(String(fake.came.find(({ path }) => path === CHAT)?.body)).toBe('{"model":"m","messages":[],"max_tokens":1}');
});

test('an answer is kept where that is asked for, by its path and every byte of its body', async () => {
  const fake = await server({ 'POST /v1/embeddings': json({ data: [] }) });
  const { port } = await inFrontOf(fake, '--cache_models=m');
  for (const path of [CHAT, CHAT, '/v1/embeddings']) await ask(port, path, { body: '{"model": "m"}' });
  await ask(port, CHAT, { body: '{"model":"m"}' });
  expect(fake.came.map(({ path }) => path)).toEqual([CHAT, '/v1/embeddings', CHAT]);
});

describe('models', () => {
  test.each([{ path: '/v1/models' }, { path: '/openai/v1/models' }])(
    "GET $path is OpenAI's list and KServe's",
    async ({ path }) => {
      const { port } = await inFrontOf(await server(), '--model_name=*');
      expect((await ask(port, path)).json).toEqual({ ...MODELS, models: ['m'] });
    },
  );

  test('are those that are served, also while nobody answers for them', async () => {
    const { port } = await inFrontOf(await server({ 'GET /v1/models': json({}, 500) }));
    const data = [{ id: 'm', object: 'model', created: expect.any(Number), owned_by: 'muster' }];
    expect((await ask(port, '/v1/models')).json).toEqual({ object: 'list', data, models: ['m'] });
  });

  test('may have a path for a name', async () => {
    const named = { data: [{ id: 'org/model' }] };
    const { port } = await inFrontOf(await server({ 'GET /v1/models': json(named) }), '--model_name=org/model');
    for (const prefix of ['/v1', '/openai/v1'])
      expect((await ask(port, `${prefix}/models/org%2Fmodel`)).json).toMatchObject({ id: 'org/model', ready: true });
  });

  test("GET /v1/models/m is OpenAI's model and KServe's readiness", async () => {
    const { port } = await inFrontOf(await server());
    expect((await ask(port, '/v1/models/m')).json).toMatchObject({ name: 'm', ready: true, id: 'm', object: 'model' });
    expect((await ask(port, '/v1/models/x')).json.error).toContain('"x" is not served');
    const other = await ask(port, '/openai/v1/models/x');
    expect([other.status, errorIn(other.body).code]).toEqual([404, 'model_not_found']);
  });
});

test('a canary and several addresses get what passes, like any other request', async () => {
  const canary = await server({ [`POST ${CHAT}`]: events(chunk('canary'), DONE) });
  const fake = await server({ [`POST ${CHAT}`]: events(chunk('first'), DONE) });
  const argv = ['--predictor_host', `localhost:${fake.port}`, '--canary_host', `127.0.0.1:${canary.port}`];
  const { port } = await inFrontOf(fake, ...argv);
  const by = async (variant: string) =>
    String((await ask(port, CHAT, { ...asked(), headers: { 'x-muster-variant': variant } })).body);
  expect(await by('canary')).toContain('canary');
  expect(await by('predictor')).toContain('first');
});
