/** `--predictor_protocol v2`: what goes over HTTP to a predictor, and what becomes of its answers. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Authority } from '../support/certificates.ts';
import { ask, BODY, event, gateway, INFER, open } from './fixture.ts';
import { type Came, fakeRest, json, type RestHandler } from './rest-fixture.ts';

const SERVER = json({ name: 'triton', version: '2', extensions: ['binary_tensor_data'] });
const MODEL = json({
  name: 'm',
  versions: ['1'],
  platform: 'python',
  inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }],
  outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [1] }],
});
const OUT = { name: 'OUT', datatype: 'INT8', shape: [2] };

const binaryAnswer: RestHandler = (_came, response) => {
  const head = Buffer.from(
    JSON.stringify({ model_name: 'm', model_version: '1', outputs: [{ ...OUT, parameters: { binary_data_size: 2 } }] }),
  );
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  });
  response.end(Buffer.concat([head, Buffer.from([7, 8])]));
};

const server = (handlers: Readonly<Record<string, RestHandler>> = {}) =>
  fakeRest({
    'GET /v2': SERVER,
    'GET /v2/health/ready': json({}),
    'GET /v2/models/m': MODEL,
    'GET /v2/models/m/ready': json({}),
    'POST /v2/models/m/infer': binaryAnswer,
    ...handlers,
  });
const inFrontOf = (port: number, ...argv: string[]) => gateway(port, '--predictor_protocol=v2', ...argv);
const infers = (came: readonly Came[]) => came.filter(({ path }) => path === INFER);

describe('infer', () => {
  test('sends tensors as bytes, asks for bytes, and gives the client JSON', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY, headers: { 'x-request-id': 'r1', cookie: 'no' } });
    expect(answer.json).toEqual({ model_name: 'm', model_version: '1', outputs: [{ ...OUT, data: [7, 8] }] });
    const [{ headers, body }] = infers(came) as [Came];
    const at = Number(headers['inference-header-content-length']);
    expect(JSON.parse(String(body.subarray(0, at)))).toEqual({
      parameters: { binary_data_output: true },
      inputs: [{ name: 'IN', datatype: 'INT8', shape: [2], parameters: { binary_data_size: 2 } }],
    });
    expect([...body.subarray(at)]).toEqual([1, 2]);
    expect(headers).toMatchObject({ 'x-request-id': 'r1', host: `127.0.0.1:${port}` });
    expect(headers.cookie).toBeUndefined();
  });

  test('reads an answer in JSON too, and gives the client the bytes it wants', async () => {
    const { port } = await server({
      'POST /v2/models/m/infer': json({ model_name: 'm', model_version: null, outputs: [{ ...OUT, data: [7, 8] }] }),
    });
    const { port: http } = await inFrontOf(port);
    const wants = { ...JSON.parse(BODY), parameters: { binary_data_output: true } };
    const { status, headers, body } = await ask(http, INFER, { body: JSON.stringify(wants) });
    expect(status).toBe(200);
    expect([...body.subarray(Number(headers['inference-header-content-length']))]).toEqual([7, 8]);
  });

  test('speaks JSON only to MLServer', async () => {
    const { port, came } = await server({
      'GET /v2': json({ name: 'mlserver', version: '1', extensions: [] }),
      'POST /v2/models/m/infer': json({ model_name: 'm', outputs: [{ ...OUT, data: [7, 8] }] }),
    });
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
    const [{ headers, body }] = infers(came) as [Came];
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(String(body))).toEqual({ inputs: [JSON.parse(BODY).inputs[0]] });
  });

  test('gives KServe an id, which it cannot do without, and the client none', async () => {
    const echo: RestHandler = (one, response, request) => {
      const { id } = JSON.parse(String(one.body.subarray(0, Number(one.headers['inference-header-content-length']))));
      json({ id, outputs: [{ ...OUT, data: [7, 8] }] })(one, response, request);
    };
    const { port, came } = await server({ 'POST /v2/models/m/infer': echo });
    const { port: http } = await inFrontOf(port, '--predictor_flavour=kserve');
    const answers = [
      await ask(http, INFER, { body: BODY }),
      await ask(http, INFER, { body: JSON.stringify({ ...JSON.parse(BODY), id: 'mine' }) }),
    ];
    expect(answers.map(({ json: { id } }) => id)).toEqual([undefined, 'mine']);
    expect(String(infers(came)[0]?.body)).toMatch(/"id":"[0-9a-f-]{36}"/);
  });

  test('keeps its connections', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port, '--predictor_flavour=triton');
    for (let i = 0; i < 3; i += 1) await ask(http, INFER, { body: BODY });
    expect(infers(came).map(({ connection }) => connection)).toEqual([0, 0, 0]);
  });
});

describe('a predictor that fails', () => {
  test.each([
    { what: 'the words of Triton', reply: json({ error: 'wrong' }, 400), status: 400, error: 'wrong' },
    { what: 'words in an object', reply: json({ error: { message: 'wrong' } }, 422), status: 422, error: 'wrong' },
    { what: 'words of FastAPI', reply: json({ detail: 'gone' }, 404), status: 404, error: 'gone' },
    { what: 'its own 503', reply: json({ error: 'later' }, 503, { 'retry-after': '7' }), status: 503, error: 'later' },
    { what: 'a redirect', reply: json({}, 302), status: 502, error: expect.stringContaining('302') },
    { what: 'no JSON', reply: ((_, r) => void r.end('nope')) as RestHandler, status: 502, error: /no JSON/ },
    { what: 'too few values', reply: json({ outputs: [{ ...OUT, data: [1] }] }), status: 502, error: /1 values/ },
    { what: 'gzip', reply: json({}, 200, { 'content-encoding': 'gzip' }), status: 502, error: /gzip/ },
    { what: 'more than the bound', reply: json({ x: 'x'.repeat(5000) }), status: 502, error: /more than 2000 bytes/ },
    {
      what: 'an answer cut short',
      reply: ((_, r) => {
        r.writeHead(200, { 'content-length': '1000' });
        r.write('{');
        setImmediate(() => r.destroy());
      }) as RestHandler,
      status: 502,
      error: /the predictor/,
    },
  ])('with $what is $status', async ({ reply, status, error }) => {
    const { port } = await server({ 'POST /v2/models/m/infer': reply });
    const { port: http } = await inFrontOf(port, '--max_reply_bytes=2000');
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer.status).toBe(status);
    expect(answer.json.error).toEqual(error instanceof RegExp ? expect.stringMatching(error) : error);
    if (status === 503) expect(answer.headers['retry-after']).toBe('7');
  });

  test('by nobody listening is 503', async () => {
    const { port: http } = await inFrontOf(1);
    const answer = await ask(http, INFER, { body: BODY });
    expect([answer.status, answer.json.error]).toEqual([503, expect.stringContaining('tcp: nobody listens')]);
  });

  test('by silence is 504 at the deadline, and its connection is cut', async () => {
    const cut = event();
    const silent: RestHandler = (_came, response) => void response.once('close', cut.happened);
    const { port } = await server({ 'POST /v2/models/m/infer': silent });
    const { port: http } = await inFrontOf(port, '--predictor_request_timeout_seconds=3', '--predictor_flavour=triton');
    const answer = await ask(http, INFER, { body: BODY });
    expect([answer.status, answer.json.error]).toEqual([504, expect.stringContaining('http: no answer')]);
    await cut.came;
  });

  test('is not kept busy for a client that went', async () => {
    const [asked, cut] = [event(), event()];
    const silent: RestHandler = (_came, response) => {
      response.once('close', cut.happened);
      asked.happened();
    };
    const { port } = await server({ 'POST /v2/models/m/infer': silent });
    const { port: http } = await inFrontOf(port);
    const client = new AbortController();
    const answer = ask(http, INFER, { body: BODY, signal: client.signal });
    await asked.came;
    client.abort();
    await expect(answer).rejects.toThrow();
    await cut.came;
  });
});

describe('a kept connection that the predictor closes', () => {
  /** Answers the first infer on each connection, and closes it without a word at the second. */
  const closing = (): RestHandler => {
    const seen = new Set<number>();
    return (came, response, request) => {
      if (!seen.has(came.connection)) {
        seen.add(came.connection);
        binaryAnswer(came, response, request);
      } else request.socket.destroy();
    };
  };

  test('costs no answer: the request goes once more, on a new one', async () => {
    const { port, came } = await server({ 'POST /v2/models/m/infer': closing() });
    const { port: http } = await inFrontOf(port, '--predictor_flavour=triton');
    for (let i = 0; i < 2; i += 1) expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
    expect(infers(came).map(({ connection }) => connection)).toEqual([0, 0, 1]);
  });

  test('is told to who asked within a sequence, for the model may remember', async () => {
    const { port, came } = await server({ 'POST /v2/models/m/infer': closing() });
    const { port: http } = await inFrontOf(port, '--predictor_flavour=triton');
    const body = JSON.stringify({ ...JSON.parse(BODY), parameters: { sequence_id: 4 } });
    expect((await ask(http, INFER, { body })).status).toBe(200);
    expect((await ask(http, INFER, { body })).status).toBe(502);
    expect(infers(came)).toHaveLength(2);
  });

  test('on a connection that is new it is told too', async () => {
    const { port, came } = await server({ 'POST /v2/models/m/infer': (_c, _r, request) => request.socket.destroy() });
    const { port: http } = await inFrontOf(port, '--predictor_flavour=triton');
    expect((await ask(http, INFER, { body: BODY })).status).toBe(502);
    expect(infers(came)).toHaveLength(1);
  });
});

describe('what is asked about models', () => {
  test.each([
    { path: '/v2/models/m', status: 200, json: { name: 'm', inputs: [{ name: 'text_input' }] } },
    { path: '/v2/models/nope', status: 404, json: { error: 'no /v2/models/nope' } },
    { path: '/v2/models/m/ready', status: 200, json: { ready: true } },
    { path: '/v2/models/nope/ready', status: 503, json: { ready: false } },
    { path: '/v2/health/ready', status: 200, json: { ready: true } },
    { path: '/v2', status: 200, json: { name: 'muster' } },
  ])('$path is $status', async ({ path, status, json: wanted }) => {
    const { port } = await server();
    const { port: http } = await inFrontOf(port);
    expect(await ask(http, path)).toMatchObject({ status, json: wanted });
  });

  test('V1 bodies get their datatypes from the metadata', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, '/v1/models/m:predict', { body: '{"instances": ["ä"]}' });
    expect(answer.json).toEqual({ predictions: [7, 8] });
    const [{ headers, body }] = infers(came) as [Came];
    expect([...body.subarray(Number(headers['inference-header-content-length']))]).toEqual([2, 0, 0, 0, 0xc3, 0xa4]);
  });
});

describe('generate_stream', () => {
  const STREAM = '/v2/models/m/generate_stream';
  const events = (text: string) =>
    text
      .split('\n\n')
      .filter(Boolean)
      .map((each) => JSON.parse(each.slice(6)));

  test('is Triton’s own, event by event, however they are cut', async () => {
    const { port, came } = await server({
      [`POST ${STREAM}`]: async (_came, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const text = 'data: {"model_name":"m","model_version":"1","text_output":"ä"}\n\ndata: {"text_output":"b"}\n\n';
        for (const byte of Buffer.from(text))
          if (!response.write(Buffer.of(byte))) await new Promise((r) => response.once('drain', r));
        response.end();
      },
    });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, STREAM, { body: '{"text_input": "x", "max_tokens": 2}' });
    expect(events(String(answer.body)).map(({ text_output: text }) => text)).toEqual(['ä', 'b']);
    expect(JSON.parse(String(came.at(-1)?.body))).toEqual({ text_input: 'x', max_tokens: 2 });
  });

  test('an error within it is its last event', async () => {
    const { port } = await server({
      [`POST ${STREAM}`]: (_came, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end('data: {"text_output":"a"}\n\ndata: {"error":"broke"}\n\n');
      },
    });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, STREAM, { body: '{"text_input": "x"}' });
    expect(events(String(answer.body))).toMatchObject([{ text_output: 'a' }, { error: 'broke' }]);
  });

  test('a client that goes ends it at the predictor', async () => {
    const cut = event();
    const { port } = await server({
      [`POST ${STREAM}`]: (_came, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"text_output":"a"}\n\n');
        response.once('close', cut.happened);
      },
    });
    const { port: http } = await inFrontOf(port);
    const answer = await open(http, STREAM, { body: '{"text_input": "x"}' });
    answer.destroy();
    await cut.came;
  });

  test('of a server that has none is 501', async () => {
    const { port } = await server({ 'GET /v2': json({ name: 'kserve', version: '1', extensions: [] }) });
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, STREAM, { body: '{"text_input": "x"}' })).status).toBe(501);
  });
});

describe('TLS', () => {
  const authority = new Authority();

  test.each([
    { names: ['127.0.0.1'], status: 200 },
    { names: ['other.example'], status: 502 },
  ])('to a predictor with a certificate for $names is $status', async ({ names, status }) => {
    const dir = mkdtempSync(join(tmpdir(), 'pem-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, 'ca.crt'), authority.cert);
    const issued = authority.issue('predictor', { names });
    const { port } = await fakeRest({ 'GET /v2': SERVER, [`POST ${INFER}`]: binaryAnswer }, (listener) =>
      createHttps(issued, listener),
    );
    const { port: http } = await inFrontOf(port, '--predictor_use_ssl', `--predictor_ca_file=${join(dir, 'ca.crt')}`);
    expect((await ask(http, INFER, { body: BODY })).status).toBe(status);
  });
});
