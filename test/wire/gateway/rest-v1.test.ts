/** `--predictor_protocol v1`, KServe's default: bodies that pass, tensors that become rows, explain, and readiness. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, BODY, gateway, INFER } from './fixture.ts';
import { type Came, fakeRest, json, type RestHandler } from './rest-fixture.ts';

const PREDICT = '/v1/models/m:predict';
const server = (handlers: Readonly<Record<string, RestHandler>> = {}) =>
  fakeRest({
    'GET /': json({ status: 'alive' }),
    'GET /v1/models/m': json({ name: 'm', ready: true }),
    [`POST ${PREDICT}`]: json({
      predictions: [
        [0.5, 1],
        [2, 3],
      ],
    }),
    ...handlers,
  });
const inFrontOf = (port: number, ...argv: string[]) => gateway(port, '--predictor_protocol=v1', ...argv);
const last = (came: readonly Came[]): Came => came.at(-1) as Came;

describe('a body of V1', () => {
  test('passes as it is, and so does the answer', async () => {
    const given = '{"instances": [{"a": 1.0, "b": {"deep": [null, "x"]}}], "signature_name": "s"}';
    const { port, came } = await server({ [`POST ${PREDICT}`]: (_came, r) => void r.end('{"predictions": [1.0]}') });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, PREDICT, { body: given, headers: { authorization: 'me', 'content-type': 'x/y' } });
    expect([answer.status, String(answer.body)]).toEqual([200, '{"predictions": [1.0]}']);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(String(last(came).body)).toBe(given);
    expect(last(came).headers).toMatchObject({ authorization: 'me', 'content-type': 'application/json' });
  });

  test.each([
    { status: 400, words: 'bad instances' },
    { status: 404, words: 'no such model' },
    { status: 500, words: 'it raised' },
  ])('that the predictor refuses with $status is refused in its words', async ({ status, words }) => {
    const { port } = await server({ [`POST ${PREDICT}`]: json({ error: words }, status) });
    const { port: http } = await inFrontOf(port);
    expect(await ask(http, PREDICT, { body: '{}' })).toMatchObject({ status, json: { error: words } });
  });

  test('is kept where answers are kept, and explain is another question', async () => {
    const { port, came } = await server({ 'POST /v1/models/m:explain': json({ explanations: [] }) });
    const { port: http } = await inFrontOf(port, '--cache_models=m');
    for (let i = 0; i < 2; i += 1) await ask(http, PREDICT, { body: '{"instances": [1]}' });
    const explained = await ask(http, '/v1/models/m:explain', { body: '{"instances": [1]}' });
    expect(explained.json).toEqual({ explanations: [] });
    expect(came.map(({ path }) => path)).toEqual([PREDICT, '/v1/models/m:explain']);
  });

  test('of a model that is not served goes nowhere', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port, '--model_name=m');
    for (const verb of ['predict', 'explain'])
      expect((await ask(http, `/v1/models/other:${verb}`, { body: '{}' })).status).toBe(404);
    expect(came).toEqual([]);
  });
});

describe('tensors of a V2 request', () => {
  test.each([
    {
      what: 'one: bare rows',
      inputs: [{ name: 'IN', datatype: 'FP32', shape: [2, 1], data: [1.5, 2] }],
      sent: { instances: [[1.5], [2]] },
    },
    {
      what: 'several: rows with names',
      inputs: [
        { name: 'a', datatype: 'INT64', shape: [2], data: [1, 2] },
        { name: 'b', datatype: 'BYTES', shape: [2], data: ['x', 'y'] },
      ],
      sent: {
        instances: [
          { a: 1, b: 'x' },
          { a: 2, b: 'y' },
        ],
      },
    },
  ])('$what', async ({ inputs, sent }) => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: JSON.stringify({ id: '7', inputs }) });
    expect(answer.json).toEqual({
      model_name: 'm',
      id: '7',
      outputs: [{ name: 'output-0', datatype: 'FP64', shape: [2, 2], data: [0.5, 1, 2, 3] }],
    });
    expect(JSON.parse(String(last(came).body))).toEqual(sent);
  });

  test('come back by name from rows with names', async () => {
    const rows = [
      { label: 'cat', score: 1 },
      { label: 'dog', score: 2 },
    ];
    const { port } = await server({ [`POST ${PREDICT}`]: json({ predictions: rows }) });
    const { port: http } = await inFrontOf(port);
    const wanted = { ...JSON.parse(BODY), outputs: [{ name: 'score' }] };
    const answer = await ask(http, INFER, { body: JSON.stringify(wanted) });
    expect(answer.json.outputs).toEqual([{ name: 'score', datatype: 'INT64', shape: [2], data: [1, 2] }]);
  });

  test.each([
    { what: 'no predictions', reply: { answer: 1 }, status: 502 },
    { what: 'lists that differ in length', reply: { predictions: [[1], [1, 2]] }, status: 502 },
    { what: 'values of several kinds', reply: { predictions: [1, 'x'] }, status: 502 },
    { what: 'another output than was asked for', reply: { predictions: [1] }, status: 400 },
  ])('an answer with $what is $status', async ({ reply, status }) => {
    const { port } = await server({ [`POST ${PREDICT}`]: json(reply) });
    const { port: http } = await inFrontOf(port);
    const asked = status === 400 ? { outputs: [{ name: 'nope' }] } : {};
    const answer = await ask(http, INFER, { body: JSON.stringify({ ...JSON.parse(BODY), ...asked }) });
    expect([answer.status, answer.json.error]).toEqual([status, expect.any(String)]);
  });
});

describe('with a transform before it', () => {
  const transform = `--transform=${join(import.meta.dirname, 'transforms/negate.mjs')}`;

  test('V1 rows are what their values look like, and the answer is V1 again', async () => {
    const { port, came } = await server({
      [`POST ${PREDICT}`]: (one, r) =>
        void r.end(JSON.stringify({ predictions: JSON.parse(String(one.body)).instances })),
    });
    const { port: http } = await inFrontOf(port, transform);
    const answer = await ask(http, PREDICT, { body: '{"instances": [1, 2.5]}' });
    expect(JSON.parse(String(last(came).body))).toEqual({ instances: [1, 2.5] });
    expect([answer.status, answer.json]).toEqual([200, { predictions: [-1, -2.5] }]);
  });

  test('the predictor explains what the transform made of the request', async () => {
    const { port, came } = await server({ 'POST /v1/models/m:explain': json({ explanations: ['so'] }) });
    const shout = `--transform=${join(import.meta.dirname, 'transforms/shout.mjs')}`;
    const { port: http } = await inFrontOf(port, shout);
    const answer = await ask(http, '/v1/models/m:explain', { body: '{"instances": ["why"]}' });
    expect([answer.status, answer.json]).toEqual([200, { explanations: ['so'] }]);
    expect(JSON.parse(String(last(came).body))).toEqual({ instances: ['WHY'] });
  });

  test.each([
    { what: 'texts', body: { instances: ['how', 'are you'] }, ids: [[5], [6, 7]] },
    { what: 'pairs', body: { instances: [{ text: 'how', text_pair: 'you' }] }, ids: [[5, 7]] },
  ])('--model_inputs says what it does not: $what are tokenized', async ({ body, ids }) => {
    const { port, came } = await server({ [`POST ${PREDICT}`]: json({ predictions: ids.map(() => 1) }) });
    const inputs = '--model_inputs=input_ids:INT64:-1x-1,attention_mask:INT64:-1x-1';
    const tokenizer = join(import.meta.dirname, 'transforms/words');
    const { port: http } = await inFrontOf(port, '--transform=tokenize', `--tokenizer=${tokenizer}`, inputs);
    const answer = await ask(http, PREDICT, { body: JSON.stringify(body) });
    expect([answer.status, answer.json]).toEqual([200, { predictions: ids.map(() => 1) }]);
    const length = Math.max(...ids.map((row) => row.length));
    const padded = (row: readonly number[], by: number) => [...row, ...Array(length - row.length).fill(by)];
    expect(JSON.parse(String(last(came).body))).toEqual({
      instances: ids.map((row) => ({
        input_ids: padded(row, 0),
        attention_mask: padded(
          row.map(() => 1),
          0,
        ),
      })),
    });
    expect((await ask(http, '/v2/models/m')).json.inputs).toEqual([
      { name: 'text', datatype: 'BYTES', shape: [-1] },
      { name: 'text_pair', datatype: 'BYTES', shape: [-1], optional: true },
    ]);
  });
});

describe('readiness', () => {
  const tfs = (state: string) => ({ model_version_status: [{ version: '1', state, status: { error_code: 'OK' } }] });

  test.each([
    { what: 'KServe says yes', reply: json({ name: 'm', ready: true }), status: 200 },
    { what: 'KServe says yes in a text', reply: json({ name: 'm', ready: 'True' }), status: 200 },
    { what: 'KServe says no', reply: json({ error: 'loading' }, 503), status: 503 },
    { what: 'it says no under 200', reply: json({ name: 'm', ready: false }), status: 503 },
    { what: 'TensorFlow Serving has it', reply: json(tfs('AVAILABLE')), status: 200 },
    { what: 'TensorFlow Serving loads it', reply: json(tfs('LOADING')), status: 503 },
    { what: 'nobody knows it', reply: json({ error: 'unknown' }, 404), status: 503 },
  ])('when $what is $status', async ({ reply, status }) => {
    const { port } = await server({ 'GET /v1/models/m': reply });
    const { port: http } = await inFrontOf(port, '--model_name=m');
    expect((await ask(http, '/v2/health/ready')).status).toBe(status);
  });

  test('of all models is that the server answers', async () => {
    const { port } = await server();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v2/health/ready')).status).toBe(200);
  });

  test('streams are 501, and the hint says what has them', async () => {
    const { port } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, '/v2/models/m/generate_stream', { body: '{}' });
    expect([answer.status, String(answer.body)]).toEqual([501, expect.stringContaining('grpc-v2')]);
  });
});
