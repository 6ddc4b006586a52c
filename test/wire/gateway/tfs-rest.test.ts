/** TensorFlow Serving behind the gateway over HTTP (`v1-tfs`): metadata tells datatypes, bodies of V1 clients pass. */
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { ask, BODY, gateway, INFER } from './fixture.ts';
import { type Came, fakeRest, json, type RestHandler } from './rest-fixture.ts';

const PREDICT = '/v1/models/m:predict';
const tensor = (dtype: string, ...sizes: number[]) => ({
  dtype,
  name: 'x:0',
  tensor_shape: { dim: sizes.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
});
const SIGNATURES = {
  serving_default: {
    inputs: { IN: tensor('DT_INT8', -1) },
    outputs: { OUT: tensor('DT_FLOAT', -1), wide: tensor('DT_INT64', -1) },
    method_name: 'tensorflow/serving/predict',
  },
  one: {
    inputs: { IN: tensor('DT_STRING', -1) },
    outputs: { scores: tensor('DT_FLOAT', -1, 2) },
    method_name: 'tensorflow/serving/predict',
  },
};
const metadata = {
  model_spec: { name: 'm', signature_name: '', version: '7' },
  metadata: { signature_def: { signature_def: SIGNATURES } },
};
const status = { model_version_status: [{ version: '7', state: 'AVAILABLE', status: { error_code: 'OK' } }] };

const server = (handlers: Readonly<Record<string, RestHandler>> = {}) =>
  fakeRest({
    'GET /v1/models/m': json(status),
    'GET /v1/models/m/metadata': json(metadata),
    [`POST ${PREDICT}`]: (_came, r) =>
      void r.end('{"predictions": [{"OUT": 1, "wide": 9007199254740993}, {"OUT": 0.1, "wide": 2}]}'),
    ...handlers,
  });
const inFrontOf = (port: number, ...argv: string[]) => gateway(port, '--predictor_protocol=v1-tfs', ...argv);
const post = (value: unknown) => ({ body: JSON.stringify(value) });
const sent = (came: readonly Came[]) => came.filter(({ method }) => method === 'POST');

describe('a V2 request', () => {
  test('gets outputs by their datatypes, whatever their values look like', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY });
    expect(String(answer.body)).toContain('[9007199254740993,2]');
    expect(answer.json.outputs).toMatchObject([
      { name: 'OUT', datatype: 'FP32', shape: [2], data: [1, 0.1] },
      { name: 'wide', datatype: 'INT64', shape: [2] },
    ]);
    expect(JSON.parse(String(sent(came)[0]?.body))).toEqual({ instances: [1, 2] });
  });

  test('names a signature, whose one output has a name though the answer has none', async () => {
    const { port, came } = await server({ [`POST ${PREDICT}`]: json({ predictions: [[1, 2]] }) });
    const { port: http } = await inFrontOf(port);
    const inputs = [{ name: 'IN', datatype: 'BYTES', shape: [1], data: ['a'] }];
    const answer = await ask(http, INFER, post({ inputs, parameters: { signature_name: 'one' } }));
    expect(answer.json.outputs).toEqual([{ name: 'scores', datatype: 'FP32', shape: [1, 2], data: [1, 2] }]);
    expect(JSON.parse(String(sent(came)[0]?.body))).toEqual({ signature_name: 'one', instances: ['a'] });
  });

  test('that names a signature which is not there is refused', async () => {
    const { port } = await server();
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, post({ ...JSON.parse(BODY), parameters: { signature_name: 'two' } }));
    expect([answer.status, answer.json.error]).toEqual([400, expect.stringContaining('it has serving_default, one')]);
  });

  test.each([
    { version: '3', path: '/v1/models/m/versions/3' },
    { version: 'canary', path: '/v1/models/m/labels/canary' },
  ])('to the version $version goes to $path', async ({ version, path }) => {
    const { port } = await server({
      [`GET ${path}/metadata`]: json(metadata),
      [`POST ${path}:predict`]: json({ predictions: [{ OUT: 1, wide: 1 }] }),
    });
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, `/v2/models/m/versions/${version}/infer`, { body: BODY })).status).toBe(200);
  });

  test('is 502 when a prediction is not what the metadata says', async () => {
    const { port } = await server({ [`POST ${PREDICT}`]: json({ predictions: [{ OUT: 'x', wide: 1 }] }) });
    const { port: http } = await inFrontOf(port);
    const answer = await ask(http, INFER, { body: BODY });
    expect([answer.status, answer.json.error]).toEqual([502, expect.stringContaining('"x" at place 0 is no FP32')]);
  });
});

describe('a V1 body', () => {
  test.each([
    { path: 'm:predict' },
    { path: 'm:classify' },
    { path: 'm:regress' },
    { path: 'm/versions/3:predict' },
    { path: 'm/labels/stable:classify' },
  ])('to $path passes as it is, and so does the answer', async ({ path }) => {
    const { port, came } = await server({
      [`POST /v1/models/${path}`]: (_came, r) => void r.end('{"results": [1.0]}'),
    });
    const { port: http } = await inFrontOf(port);
    const given = '{"signature_name": "s",  "examples": [{"a": 1.0}]}';
    const answer = await ask(http, `/v1/models/${path}`, { body: given });
    expect([answer.status, String(answer.body), String(sent(came)[0]?.body)]).toEqual([
      200,
      '{"results": [1.0]}',
      given,
    ]);
  });

  test('that names no signature is told ours, when it is not the default one', async () => {
    const { port, came } = await server({ [`POST ${PREDICT}`]: json({ predictions: [[1, 2]] }) });
    const { port: http } = await inFrontOf(port, '--tfs_signature=one');
    expect((await ask(http, PREDICT, post({ instances: ['a'] }))).json).toEqual({ predictions: [[1, 2]] });
    expect(JSON.parse(String(sent(came)[0]?.body))).toEqual({ signature_name: 'one', instances: ['a'] });
  });

  test('behind a transform is read by the metadata, and classify is 501', async () => {
    const { port, came } = await server();
    const { port: http } = await inFrontOf(port, `--transform=${join(import.meta.dirname, 'transforms/counts.mjs')}`);
    const classify = await ask(http, '/v1/models/m:classify', post({ examples: [] }));
    expect([classify.status, classify.json.error]).toEqual([501, expect.stringContaining('--transform')]);
    expect(sent(came)).toEqual([]);
  });

  test('of pictures becomes pixels of the datatype that the metadata says', async () => {
    const pixels = { inputs: { px: tensor('DT_UINT8', -1, 1, 1, 3) }, outputs: { y: tensor('DT_FLOAT', -1) } };
    const known = { ...metadata, metadata: { signature_def: { signature_def: { serving_default: pixels } } } };
    const { port, came } = await server({
      'GET /v1/models/m/metadata': json(known),
      [`POST ${PREDICT}`]: json({ predictions: [1] }),
    });
    const { port: http } = await inFrontOf(
      port,
      '--transform=image',
      '--image_size=1x1',
      '--image_layout=NHWC',
      '--image_scale=1',
      '--image_mean=0',
      '--image_std=1',
    );
    const red = await sharp(Uint8Array.of(255, 0, 0), { raw: { width: 1, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    const answer = await ask(http, PREDICT, post({ instances: [{ b64: red.toString('base64') }] }));
    expect([answer.status, answer.json]).toEqual([200, { predictions: [1] }]);
    expect(JSON.parse(String(sent(came)[0]?.body))).toEqual({ instances: [[[[255, 0, 0]]]] });
  });
});

describe('what clients learn of a model', () => {
  test('its metadata, in V2 and in its own form', async () => {
    const { port } = await server();
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v2/models/m')).json).toMatchObject({
      versions: ['7'],
      inputs: [{ name: 'IN', datatype: 'INT8', shape: [-1] }],
    });
    const { metadata: own, model_spec: spec } = (await ask(http, '/v1/models/m/metadata')).json;
    expect(spec).toEqual(metadata.model_spec);
    expect(own).toMatchObject({
      signature_def: { signature_def: { one: { inputs: { IN: { dtype: 'DT_STRING' } } } } },
    });
  });

  test('its versions', async () => {
    const { port } = await server({
      'GET /v1/models/m/versions/8': json({ model_version_status: [{ version: '8', state: 'LOADING' }] }),
    });
    const { port: http } = await inFrontOf(port);
    expect((await ask(http, '/v1/models/m')).json).toMatchObject({ ready: true, ...status });
    const loading = await ask(http, '/v1/models/m/versions/8');
    expect([loading.status, loading.json.model_version_status]).toMatchObject([
      503,
      [{ version: '8', state: 'LOADING' }],
    ]);
  });

  test('of a predictor that lacks the metadata, in its words', async () => {
    const { port } = await server({ 'GET /v1/models/m/metadata': json({ error: 'Servable not found' }, 404) });
    const { port: http } = await inFrontOf(port);
    expect(await ask(http, '/v1/models/m/metadata')).toMatchObject({
      status: 404,
      json: { error: 'Servable not found' },
    });
  });
});
