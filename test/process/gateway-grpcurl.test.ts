/** grpcurl without any .proto against a gateway: what it serves, and a call by hand. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Found, grpcurl } from '../../scripts/grpcurl.ts';
import { fakePredictor, gateway } from '../wire/gateway/fixture.ts';

let found: Found;

beforeAll(async () => {
  found = await grpcurl();
}, 600_000);

beforeEach(({ skip }) => {
  if ('missing' in found) skip(found.missing);
});

/** @returns what it printed */
async function ask(port: number | undefined, ...args: readonly string[]): Promise<string> {
  if ('missing' in found) throw new Error(found.missing);
  const [before, behind] = args[0] === '-d' ? [args.slice(0, 2), args.slice(2)] : [[], args];
  const { stdout } = await promisify(execFile)(found.path, [
    '-plaintext', '-max-time', '60', ...before, `127.0.0.1:${port}`, ...behind,
  ]); // biome-ignore format: one command
  return stdout;
}

const SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'inference.GRPCInferenceService',
  'tensorflow.serving.ModelService',
  'tensorflow.serving.PredictionService',
];

const opened = async (...argv: string[]) => (await gateway((await fakePredictor()).port, ...argv)).grpcPort;

test('list names the services, and each with its methods', async () => {
  const port = await opened();
  expect((await ask(port, 'list')).trim().split('\n')).toEqual(SERVICES);
  expect((await ask(port, 'list', 'inference.GRPCInferenceService')).trim().split('\n').sort()).toEqual(
    [
      'ModelInfer',
      'ModelMetadata',
      'ModelReady',
      'ModelStreamInfer',
      'ServerLive',
      'ServerMetadata',
      'ServerReady',
    ].map((method) => `inference.GRPCInferenceService.${method}`),
  );
});

test.each([
  { symbol: 'inference.ModelInferRequest', says: 'map<string, .inference.InferParameter> parameters = 4;' },
  { symbol: 'inference.ModelInferRequest.InferInputTensor', says: '.inference.InferTensorContents contents = 5;' },
  { symbol: 'inference.InferParameter', says: 'oneof parameter_choice {' },
  {
    symbol: 'inference.GRPCInferenceService.ModelStreamInfer',
    says: 'returns ( stream .inference.ModelStreamInferResponse )',
  },
  { symbol: 'tensorflow.serving.PredictRequest', says: 'map<string, .tensorflow.TensorProto> inputs = 2;' },
  { symbol: 'tensorflow.serving.GetModelMetadataResponse', says: 'map<string, .google.protobuf.Any> metadata = 2;' },
  { symbol: 'tensorflow.serving.ModelSpec', says: '.google.protobuf.Int64Value version = 2;' },
  { symbol: 'tensorflow.DataType', says: 'DT_HALF = 19;' },
  { symbol: 'grpc.health.v1.HealthCheckResponse', says: 'enum ServingStatus {' },
  { symbol: 'grpc.reflection.v1.ServerReflection', says: 'stream .grpc.reflection.v1.ServerReflectionRequest' },
])('describe $symbol says $says', async ({ symbol, says }) => {
  expect(await ask(await opened(), 'describe', symbol)).toContain(says);
});

test("in MLServer's form ModelStreamInfer is described so", async () => {
  const port = await opened('--grpc_stream_flavour=mlserver');
  expect(await ask(port, 'describe', 'inference.GRPCInferenceService.ModelStreamInfer')).toContain(
    'returns ( stream .inference.ModelInferResponse )',
  );
});

test('ModelInfer and Check are called without a .proto', async () => {
  const port = await opened();
  const inputs = [{ name: 'IN', datatype: 'INT8', shape: [2], contents: { int_contents: [1, 2] } }];
  const answer = await ask(
    port,
    '-d',
    JSON.stringify({ model_name: 'm', inputs }),
    'inference.GRPCInferenceService/ModelInfer',
  );
  expect(JSON.parse(answer)).toMatchObject({
    modelName: 'm',
    outputs: [{ name: 'OUT', contents: { intContents: [1, 2] } }],
  });
  expect(JSON.parse(await ask(port, 'grpc.health.v1.Health/Check'))).toEqual({ status: 'SERVING' });
});

test('what is not there is said so', async () => {
  await expect(ask(await opened(), 'describe', 'inference.Nothing')).rejects.toMatchObject({
    stderr: expect.stringContaining('inference.Nothing'),
  });
});

test('--grpc_reflection false tells nothing', async () => {
  await expect(ask(await opened('--grpc_reflection=false'), 'list')).rejects.toMatchObject({
    stderr: expect.stringMatching(/does not support the reflection API/),
  });
});
