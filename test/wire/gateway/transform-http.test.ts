/** Transforms as a client of the whole gateway meets them: explain, kept features, and what /metrics says of both. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, fakePredictor, gateway, type Handler, INT8 } from './fixture.ts';

const EXPLAIN = '/v1/models/m:explain';
const PREDICT = '/v1/models/m:predict';
const transform = (file: string) => `--transform=${join(import.meta.dirname, 'transforms', file)}`;

/** One BYTES input, and an answer of as many numbers as it was asked before. */
async function counting() {
  let asked = 0;
  const ModelInfer: Handler = (call) => {
    asked += 1;
    call.send('ModelInferResponse', INT8([asked]));
    call.end();
  };
  const ModelMetadata: Handler = (call) => {
    call.send('ModelMetadataResponse', { name: 'm', inputs: [{ name: 'IN', datatype: 'BYTES', shape: [-1] }] });
    call.end();
  };
  return (await fakePredictor({ ModelInfer, ModelMetadata })).port;
}

test('explain asks the model as often as the hook wants, and is measured', async () => {
  const { port } = await gateway(await counting(), transform('explains.mjs'), '--model_name=m');
  const answer = await ask(port, EXPLAIN, { body: '{"instances": ["many", "5"]}' });
  expect([answer.status, answer.json]).toEqual([200, { asked: 5 }]);
  const metrics = String((await ask(port, '/metrics')).body);
  expect(metrics).toContain('request_explain_seconds_count{model_name="m"} 1');
  expect(metrics).toMatch(/muster_gateway_transform_seconds_count\{transform="[^"]*explains.mjs",hook="explain"\} 1/);
  expect(metrics).toContain('muster_gateway_requests_total{api="explain",model_name="m",code="200"} 1');
});

test('within the bounds of its options', async () => {
  const { port } = await gateway(await counting(), transform('explains.mjs'), '--explain_max_calls=4');
  const answer = await ask(port, EXPLAIN, { body: '{"instances": ["many", "5"]}' });
  expect([answer.status, answer.json.error]).toEqual([
    500,
    expect.stringMatching(/one explanation may ask the predictor 4 times \(--explain_max_calls\)$/),
  ]);
});

test('without the hook explain is 501, and says who could', async () => {
  const { port } = await gateway(await counting(), transform('shout.mjs'));
  const answer = await ask(port, EXPLAIN, { body: '{"instances": ["why"]}' });
  expect([answer.status, answer.json.error]).toEqual([501, expect.stringContaining('no transform has the hook')]);
});

test('features are kept, answers are not', async () => {
  const { port } = await gateway(await counting(), transform('shout.mjs'), '--cache_features=*');
  const predict = () => ask(port, PREDICT, { body: '{"instances": ["a"]}' });
  expect([(await predict()).json, (await predict()).json]).toEqual([{ predictions: [1] }, { predictions: [2] }]);
  const metrics = String((await ask(port, '/metrics')).body);
  expect(metrics).toContain('muster_gateway_feature_cache_total{outcome="miss"} 1');
  expect(metrics).toContain('muster_gateway_feature_cache_total{outcome="hit"} 1');
});
