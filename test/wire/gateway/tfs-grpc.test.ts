/** Clients of TensorFlow Serving over gRPC, as grpc-js speaks for them: before a predictor of its kind, and before others. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { GrpcConnection } from '../../../src/wire/grpc-connection.ts';
import { ask, type FakeCall, fakePredictor, gateway, INT8 } from './fixture.ts';
import { grpcClient } from './grpc-client.ts';
import { fakeRest, json } from './rest-fixture.ts';
import { encoded, fakeTfs, No } from './tfs-fixture.ts';

const FILE = 'tfs_predict.proto';
const clientsOf = (port: number | undefined) => ({
  prediction: grpcClient(port, { file: FILE, service: 'tensorflow.serving.PredictionService' }),
  models: grpcClient(port, { file: FILE, service: 'tensorflow.serving.ModelService' }),
});
const opened = async (predictor: number, ...argv: string[]) => {
  const { grpcPort, port } = await gateway(predictor, ...argv);
  return { ...clientsOf(grpcPort), http: port, grpcPort };
};
const LONG = 60_000;
const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size })) });
const INPUT = { dtype: 'DT_INT8', tensor_shape: shape(2), int_val: [1] };
const M = { model_spec: { name: 'm' } };

describe('before a predictor of the Open Inference Protocol', () => {
  const triton = async (...argv: string[]) => {
    const calls: FakeCall[] = [];
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        calls.push(call);
        call.send('ModelInferResponse', INT8([3, 4]));
        call.end();
      },
      ModelMetadata: (call) => {
        const tensor = { name: 'IN', datatype: 'INT8', shape: [-1] };
        call.send('ModelMetadataResponse', { name: 'm', versions: ['1', '2'], inputs: [tensor], outputs: [tensor] });
        call.end();
      },
    });
    return { calls, ...(await opened(port, ...argv)) };
  };

  test('Predict is an inference: lists go raw, the answer is tensor_content', async () => {
    const { calls, prediction } = await triton();
    const { code, answer } = await prediction.call('Predict', {
      model_spec: { name: 'm', version: { value: 3 }, signature_name: 'serving_default' },
      inputs: { IN: INPUT },
      output_filter: ['OUT'],
    });
    expect(calls[0]?.infer).toMatchObject({
      model_name: 'm',
      model_version: '3',
      parameters: {},
      inputs: [{ name: 'IN', datatype: 'INT8', shape: [2] }],
      outputs: [{ name: 'OUT' }],
      raw_input_contents: [Buffer.of(1, 1)],
    });
    expect(code).toBe(0);
    expect(answer).toMatchObject({
      model_spec: { name: 'm', version: { value: 1 }, signature_name: 'serving_default' },
      outputs: { OUT: { tensor_shape: shape(2), tensor_content: Buffer.of(3, 4), int_val: [] } },
    });
  });

  test.each([
    { what: 'no model', request: { inputs: { IN: INPUT } }, code: 3, says: /model_spec.name is empty/ },
    {
      what: 'another signature',
      request: { model_spec: { name: 'm', signature_name: 'x' } },
      code: 3,
      says: /no signature "x"; it has serving_default/,
    },
    {
      what: 'a type without counterpart',
      request: { ...M, inputs: { z: { dtype: 'DT_COMPLEX64' } } },
      code: 12,
      says: /"z" is DT_COMPLEX64/,
    },
    {
      what: 'bytes that do not fit',
      request: { ...M, inputs: { IN: { ...INPUT, tensor_content: Buffer.of(1) } } },
      code: 3,
      says: /"IN" has 1 bytes/,
    },
    {
      what: 'one value for a billion',
      request: { ...M, inputs: { IN: { ...INPUT, tensor_shape: shape(1e9) } } },
      code: 3,
      says: /more than \d+ bytes/,
    },
    {
      what: 'a model that is not served',
      request: { model_spec: { name: 'other' } },
      code: 5,
      says: /"other" is not served/,
    },
  ])('Predict with $what is refused', async ({ request, code, says }) => {
    const { calls, prediction } = await triton('--model_name=m,');
    const outcome = await prediction.call('Predict', request);
    expect([outcome.code, outcome.message]).toEqual([code, expect.stringMatching(says)]);
    expect(calls).toEqual([]);
  });

  test.each(['Classify', 'Regress', 'MultiInference'])(
    '%s is unimplemented, and the words say what has it',
    async (method) => {
      const { prediction } = await triton();
      const outcome = await prediction.call(method, method === 'MultiInference' ? { tasks: [M] } : M);
      expect([outcome.code, outcome.message]).toEqual([12, expect.stringContaining('grpc-tfs')]);
    },
  );

  test('GetModelMetadata and GetModelStatus say of it what it says of itself', async () => {
    const { prediction, models } = await triton();
    const { answer } = await prediction.call('GetModelMetadata', { ...M, metadata_field: ['signature_def'] });
    const signature = { inputs: { IN: { name: 'IN', dtype: 'DT_INT8', tensor_shape: shape(-1) } } };
    const map = (answer.metadata as Record<string, { value: Buffer }>).signature_def?.value;
    const whole = { ...signature, outputs: signature.inputs, method_name: 'tensorflow/serving/predict' };
    expect(map).toEqual(encoded('SignatureDefMap', { signature_def: { serving_default: whole } }));
    const { answer: status } = await models.call('GetModelStatus', M);
    expect(status.model_version_status).toMatchObject([{ version: 1 }, { version: 2 }]);
    const { answer: one } = await models.call('GetModelStatus', { model_spec: { name: 'm', version: { value: 2 } } });
    expect(one.model_version_status).toMatchObject([{ version: 2 }]);
  });

  test.each([
    { method: 'GetModelMetadata', request: M, code: 3, says: /metadata_field is ""/ },
    { method: 'GetModelMetadata', request: { ...M, metadata_field: ['x'] }, code: 3, says: /metadata_field is "x"/ },
    { method: 'GetModelMetadata', request: { metadata_field: ['signature_def'] }, code: 3, says: /names no model/ },
  ])('$method of $request is refused', async ({ method, request, code, says }) => {
    const { prediction } = await triton();
    const outcome = await prediction.call(method, request);
    expect([outcome.code, outcome.message]).toEqual([code, expect.stringMatching(says)]);
  });

  test('GetModelStatus of a model that is not there is NOT_FOUND, and of one that is not ready LOADING', async () => {
    let there = false;
    const { port } = await fakePredictor({
      ModelReady: (call) => {
        call.send('ModelReadyResponse', { ready: false });
        call.end();
      },
      ModelMetadata: (call) => (there ? call.end(14, 'not yet') : call.end(5, 'unknown model')),
    });
    const { models } = await opened(port);
    expect(await models.call('GetModelStatus', M)).toMatchObject({ code: 5, message: 'unknown model' });
    there = true;
    const { answer } = await models.call('GetModelStatus', M);
    expect(answer.model_version_status).toMatchObject([{ version: 1, status: { error_code: 14 } }]);
  });
});

describe('before TensorFlow Serving', () => {
  const serving = async (handlers: Parameters<typeof fakeTfs>[0] = {}, ...argv: string[]) => {
    const { port, asked } = await fakeTfs(handlers);
    const gateway = await opened(port, '--predictor_protocol=grpc-tfs', ...argv);
    const grpc = new GrpcConnection({ host: '127.0.0.1', port: gateway.grpcPort ?? 0 });
    onTestFinished(() => grpc.close());
    return { asked, grpc, ...gateway };
  };

  test('Predict passes as it is, types that we have none of too', async () => {
    const { asked, prediction } = await serving();
    const z = { dtype: 'DT_COMPLEX64', tensor_shape: shape(1), tensor_content: Buffer.alloc(8, 7) };
    const spec = { name: 'm', version_label: 'canary', signature_name: 'mine' };
    const { code, answer } = await prediction.call('Predict', {
      model_spec: spec,
      inputs: { z },
      output_filter: ['z'],
    });
    expect([code, answer.outputs]).toMatchObject([0, { z: { tensor_content: Buffer.alloc(8, 7) } }]);
    expect(asked('Predict')[0]?.request).toMatchObject({ model_spec: spec, inputs: { z }, output_filter: ['z'] });
    expect(asked('GetModelMetadata')).toEqual([]);
  });

  test('our default signature is told where the client names none', async () => {
    const { asked, prediction } = await serving({}, '--tfs_signature=mine');
    await prediction.call('Predict', { ...M, inputs: { IN: INPUT } });
    await prediction.call('Predict', { model_spec: { name: 'm', signature_name: 'theirs' } });
    expect(asked('Predict').map(({ request }) => request.model_spec)).toMatchObject([
      { name: 'm', signature_name: 'mine' },
      { name: 'm', signature_name: 'theirs' },
    ]);
  });

  test.each([
    { method: 'Classify', request: { model_spec: { name: 'm', version: { value: 3 } } } },
    { method: 'Regress', request: M },
    { method: 'MultiInference', request: { tasks: [M, M] } },
  ])('$method passes as it is', async ({ method, request }) => {
    const { asked, prediction } = await serving({ [method]: () => M });
    expect((await prediction.call(method, request)).code).toBe(0);
    expect(asked(method)[0]?.request).toMatchObject(request);
  });

  test('MultiInference asks for no model that is not served, in whichever task', async () => {
    const { asked, prediction } = await serving({ MultiInference: () => ({}) }, '--model_name=m');
    const outcome = await prediction.call('MultiInference', { tasks: [M, { model_spec: { name: 'other' } }] });
    expect([outcome.code, asked('MultiInference')]).toEqual([5, []]);
  });

  test('a model that is said in a second part of the message is the one that is looked at', async () => {
    const { asked, grpc } = await serving({}, '--model_name=m');
    const said = (name: string) => encoded('PredictRequest', { model_spec: { name } });
    const request = Buffer.concat([said('m'), said('secret')]);
    const path = '/tensorflow.serving.PredictionService/Predict';
    const reply = await grpc.call({ path, request, deadlineMs: LONG });
    expect([reply.status, asked('Predict')]).toEqual([5, []]);
  });

  test.each([
    { code: 5, words: 'Servable not found for request: Latest(m)' },
    { code: 3, words: 'Could not parse example input' },
  ])('its status $code comes back in its words', async ({ code, words }) => {
    const { prediction } = await serving({
      Predict: () => {
        throw new No(code, words);
      },
    });
    expect(await prediction.call('Predict', M)).toMatchObject({ code, message: words });
  });

  test('behind a transform Predict is read, and Classify unimplemented', async () => {
    const transform = `--transform=${join(import.meta.dirname, 'transforms/negate.mjs')}`;
    const { prediction } = await serving({}, transform);
    const { answer } = await prediction.call('Predict', { ...M, inputs: { IN: INPUT } });
    expect(answer.outputs).toMatchObject({ OUT: { tensor_content: Buffer.of(255, 255) } });
    expect((await prediction.call('Classify', M)).code).toBe(12);
  });

  test('a V2 request that calls itself a message of its own is no such thing', async () => {
    const { asked, http } = await serving({}, '--model_name=m');
    const message = encoded('PredictRequest', { model_spec: { name: 'secret' } }).toString('latin1');
    const inputs = [{ name: 'tfs-document', datatype: 'BYTES', shape: [1], data: [message] }];
    await ask(http, '/v2/models/m/infer', { body: JSON.stringify({ parameters: { tfs_method: 'Predict' }, inputs }) });
    expect(asked('Predict').map(({ request }) => request.model_spec.name)).toEqual(['m']);
  });

  test('goes to a canary whole, and a shadow gets its copy', async () => {
    const [canary, shadow] = await Promise.all([fakeTfs(), fakeTfs()]);
    const { asked, prediction } = await serving(
      {},
      `--canary_host=127.0.0.1:${canary.port}`,
      `--shadow_host=127.0.0.1:${shadow.port}`,
      '--shadow_percent=100',
    );
    const headers = { 'x-muster-variant': 'canary' };
    const { code } = await prediction.call('Predict', { ...M, inputs: { IN: INPUT } }, { headers });
    expect([code, asked('Predict'), canary.asked('Predict').length]).toEqual([0, [], 1]);
    await vi.waitFor(() => expect(shadow.asked('Predict')).toHaveLength(1), { timeout: LONG });
    expect(shadow.asked('Predict')[0]?.request).toEqual(canary.asked('Predict')[0]?.request);
  });

  test('is counted and kept like any other request', async () => {
    const { asked, prediction, http } = await serving({}, '--cache_models=m');
    for (let i = 0; i < 2; i += 1) await prediction.call('Predict', { ...M, inputs: { IN: INPUT } });
    expect(asked('Predict')).toHaveLength(1);
    const { body } = await ask(http, '/metrics');
    expect(String(body)).toContain('muster_gateway_requests_total{api="tfs",model_name="m",code="200"} 2');
  });
});

test('before TensorFlow Serving over HTTP, Predict becomes rows and back', async () => {
  const tensor = { dtype: 'DT_INT8', tensor_shape: { dim: [{ size: '-1' }] } };
  const signature_def = { serving_default: { inputs: { IN: tensor }, outputs: { OUT: tensor } } };
  const { port, came } = await fakeRest({
    'GET /v1/models/m/metadata': json({ metadata: { signature_def: { signature_def } } }),
    'POST /v1/models/m:predict': json({ predictions: [5, 6] }),
  });
  const { prediction } = await opened(port, '--predictor_protocol=v1-tfs');
  const { answer } = await prediction.call('Predict', { ...M, inputs: { IN: INPUT } });
  expect(answer.outputs).toMatchObject({ OUT: { tensor_content: Buffer.of(5, 6) } });
  expect(JSON.parse(String(came.at(-1)?.body))).toEqual({ instances: [1, 1] });
});
