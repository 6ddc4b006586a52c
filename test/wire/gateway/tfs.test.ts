/** TensorFlow Serving behind the gateway over gRPC (`grpc-tfs`), for clients of V2 and V1. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, BODY, gateway, INFER } from './fixture.ts';
import { fakeTfs, No } from './tfs-fixture.ts';

const PREDICT = '/v1/models/m:predict';
const inFrontOf = (port: number, ...argv: string[]) => gateway(port, '--predictor_protocol=grpc-tfs', ...argv);
const post = (value: unknown) => ({ body: JSON.stringify(value) });

describe('a V2 request', () => {
  test('goes as tensor_content, and the answer comes back with its version', async () => {
    const { port, asked } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY, headers: { authorization: 'me', 'x-request-id': '7' } });
    expect(answer.json).toEqual({
      model_name: 'm',
      model_version: '7',
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], data: [1, 2] }],
    });
    const [predict] = asked('Predict');
    expect(predict?.request).toMatchObject({
      model_spec: { name: 'm', signature_name: '' },
      inputs: { IN: { dtype: 'DT_INT8', tensor_content: Buffer.of(1, 2), int_val: [] } },
    });
    expect(predict?.metadata.get('authorization')).toEqual(['me']);
    expect(predict?.deadline).not.toBe(Number.POSITIVE_INFINITY);
  });

  test('names its version, its signature and its outputs', async () => {
    const { port, asked } = await fakeTfs();
    const { port: http } = await inFrontOf(port, '--tfs_signature=mine');
    const body = (parameters: object) => post({ ...JSON.parse(BODY), parameters, outputs: [{ name: 'OUT' }] });
    await ask(http, '/v2/models/m/versions/3/infer', body({}));
    await ask(http, '/v2/models/m/versions/canary/infer', body({ signature_name: 'other' }));
    expect(asked('Predict').map(({ request }) => request)).toMatchObject([
      { model_spec: { version: { value: 3 }, signature_name: 'mine' }, output_filter: ['OUT'] },
      { model_spec: { version_label: 'canary', signature_name: 'other' } },
    ]);
  });

  test('is answered from typed lists too, a single value for all', async () => {
    const { port } = await fakeTfs({
      Predict: () => ({
        outputs: { y: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 3 }] }, float_val: [1.5] } },
      }),
    });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer.json.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [3], data: [1.5, 1.5, 1.5] }]);
  });

  test.each([
    { what: 'a type without counterpart', y: { dtype: 'DT_COMPLEX64' }, status: 501, says: /"y" is DT_COMPLEX64/ },
    {
      what: 'bytes that do not fit the shape',
      y: { dtype: 'DT_FLOAT', tensor_content: Buffer.of(1) },
      status: 502,
      says: /cannot be read: tensor "y" has 1 bytes/,
    },
  ])('that is answered with $what is $status', async ({ y, status, says }) => {
    const { port } = await fakeTfs({ Predict: () => ({ outputs: { y } }) });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY });
    expect([answer.status, answer.json.error]).toEqual([status, expect.stringMatching(says)]);
  });

  test.each([
    { code: 5, words: 'Servable not found for request: Latest(m)', status: 404 },
    { code: 3, words: 'input tensor alias not found in signature', status: 400 },
    { code: 14, words: 'not now', status: 503 },
    { code: 8, words: 'too much', status: 429 },
  ])('that is refused with status $code is $status, in its words', async ({ code, words, status }) => {
    const { port } = await fakeTfs({
      Predict: () => {
        throw new No(code, words);
      },
    });
    const { port: http } = await inFrontOf(port);
    expect(await ask(http, INFER, { body: BODY })).toMatchObject({ status, json: { error: words } });
  });

  test('is sent again when the server was busy, as often as retries are allowed', async () => {
    let tries = 0;
    const { port } = await fakeTfs({
      Predict: ({ inputs }) => {
        tries += 1;
        if (tries < 3) throw new No(14, 'not now');
        return { outputs: inputs };
      },
    });
    const { port: http } = await inFrontOf(port, '--predictor_request_retries=2');
    expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
  });

  test('that wants a stream is 501', async () => {
    const { port } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, '/v2/models/m/generate_stream', post({ IN: [1, 2] }));
    expect([answer.status, String(answer.body)]).toEqual([501, expect.stringContaining('has no streams')]);
  });
});

describe('a V1 request', () => {
  test.each([
    {
      what: 'rows',
      body: {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      answer: {
        predictions: [
          [1, 2],
          [3, 4],
        ],
      },
    },
    { what: 'named rows', body: { instances: [{ IN: [1, 2] }] }, answer: { predictions: [[1, 2]] } },
    { what: 'columns', body: { inputs: [[1, 2]] }, answer: { outputs: [[1, 2]] } },
    { what: 'named columns', body: { inputs: { IN: [[1, 2]] } }, answer: { outputs: [[1, 2]] } },
    {
      what: 'another signature',
      body: { signature_name: 'by_text', instances: ['ä', { b64: 'YQ==' }] },
      answer: { predictions: ['ä', 'a'] },
    },
  ])('of $what is answered in kind', async ({ body, answer }) => {
    const { port } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, PREDICT, post(body))).json).toEqual(answer);
  });

  test.each([
    {
      what: 'a signature that is not there',
      body: { signature_name: 'nope', instances: [1] },
      says: /it has serving_default, by_text|by_text, serving_default/,
    },
    { what: 'a signature that is no text', body: { signature_name: 7, instances: [1] }, says: /must be a string/ },
    { what: 'both forms', body: { instances: [1], inputs: [1] }, says: /both "instances" and "inputs"/ },
    { what: 'an input of another signature', body: { instances: [{ text: 'a' }] }, says: /no input "text"; it has IN/ },
  ])('with $what is refused', async ({ body, says }) => {
    const { port } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, PREDICT, post(body));
    expect([answer.status, answer.json.error]).toEqual([400, expect.stringMatching(says)]);
  });

  test('texts of an output whose name ends in _bytes are base64', async () => {
    const y = { dtype: 'DT_STRING', tensor_shape: { dim: [{ size: 1 }] }, string_val: [Buffer.of(255)] };
    const { port } = await fakeTfs({ Predict: () => ({ outputs: { y_bytes: y } }) });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, PREDICT, post({ instances: [[1, 2]] }));
    expect(answer.json).toEqual({ predictions: [{ b64: '/w==' }] });
  });

  test.each([
    { path: 'versions/3', spec: { version: { value: 3 } } },
    { path: 'labels/stable', spec: { version_label: 'stable' } },
  ])('to $path', async ({ path, spec }) => {
    const { port, asked } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, `/v1/models/m/${path}:predict`, post({ instances: [[1, 2]] }))).status).toBe(200);
    expect(asked('Predict')[0]?.request).toMatchObject({ model_spec: spec });
    expect(asked('GetModelMetadata')[0]?.request).toMatchObject({ model_spec: spec });
  });

  test.each([
    { path: '/v1/models/m/versions/x:predict', status: 400, says: /"x" is no version/ },
    { path: '/v1/models/m/labels/3:predict', status: 400, says: /digits only/ },
    { path: '/v1/models/m/labels/:predict', status: 400, says: /empty/ },
    { path: '/v1/models/m/versions/3:guess', status: 404, says: /no call/ },
    { path: '/v1/models/m/versions/3:explain', status: 404, says: /without a version :explain/ },
    { path: '/v1/models/m/versions/3', status: 404, says: /no POST|no call/ },
    { path: '/v1/models/m/versions/3:classify', status: 501, says: /v1-tfs/ },
    { path: '/v1/models/m:regress', status: 501, says: /v1-tfs/ },
  ])('to $path is $status', async ({ path, status, says }) => {
    const { port } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, path, post({ examples: [] }));
    expect([answer.status, answer.json.error]).toEqual([status, expect.stringMatching(says)]);
  });

  test('behind a transform has the transform for a signature', async () => {
    const { port, asked } = await fakeTfs();
    const { port: http } = await inFrontOf(port, `--transform=${join(import.meta.dirname, 'transforms/negate.mjs')}`);
    expect((await ask(http, PREDICT, post({ instances: [[1, 2]] }))).json).toEqual({ predictions: [[-1, -2]] });
    const named = await ask(http, PREDICT, post({ signature_name: 'by_text', instances: ['a'] }));
    expect([named.status, named.json.error]).toEqual([400, expect.stringMatching(/it has serving_default$/)]);
    expect(asked('Predict')).toHaveLength(1);
  });
});

describe('what clients learn of a model', () => {
  test('its metadata, in V2 and as TensorFlow Serving says it', async () => {
    const { port } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v2/models/m')).json).toEqual({
      name: 'm',
      versions: ['7'],
      platform: 'tensorflow_savedmodel',
      inputs: [{ name: 'IN', datatype: 'INT8', shape: [-1, 2] }],
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [-1, 2] }],
    });
    for (const path of ['', '/versions/7', '/labels/stable'])
      expect((await ask(http, `/v1/models/m${path}/metadata`)).json).toMatchObject({
        model_spec: { name: 'm', version: '7' },
        metadata: {
          signature_def: {
            signature_def: { by_text: { inputs: { text: { dtype: 'DT_STRING' } } }, serving_default: {} },
          },
        },
      });
  });

  test('its status, with the words of KServe beside it', async () => {
    const { port, asked } = await fakeTfs();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v1/models/m')).json).toMatchObject({
      name: 'm',
      ready: true,
      model_version_status: [{ version: '7', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
    });
    await ask(http, '/v1/models/m/versions/3');
    await ask(http, '/v1/models/m/labels/canary');
    expect(asked('GetModelStatus').map(({ request }) => request.model_spec)).toMatchObject([
      { name: 'm' },
      { version: { value: 3 } },
      { version_label: 'canary' },
    ]);
  });

  test.each([
    { what: 'loads', status: () => ({ model_version_status: [{ version: 7, state: 'LOADING' }] }), says: /not ready/ },
    {
      what: 'is not there',
      status: () => {
        throw new No(5, 'Could not find any versions of model m');
      },
      says: /Could not find any versions/,
    },
  ])('that it $what: 503, and not ready', async ({ status, says }) => {
    const { port } = await fakeTfs({ GetModelStatus: status });
    const { port: http } = await inFrontOf(port, '--model_name=m');
    const answer = await ask(http, '/v1/models/m');
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({
      ready: false,
      model_version_status: [{ version: '1', state: 'LOADING', status: { error_code: 'UNAVAILABLE' } }],
    });
    const ready = await ask(http, '/v2/health/ready');
    expect([ready.status, ready.json.error]).toEqual([503, expect.stringMatching(says)]);
  });

  test('that the server lives, when it says that no model is named', async () => {
    const { port } = await fakeTfs({
      GetModelStatus: () => {
        throw new No(3, 'Missing ModelSpec');
      },
    });
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v2/health/ready')).status).toBe(200);
  });
});
