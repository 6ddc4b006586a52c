/** What gRPC clients are told of our `.proto` files: they themselves, whole, and by what they define. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { DESCRIPTORS_FILE, descriptorsModule } from '../../../../scripts/descriptors.ts';
import { ServedFiles } from '../../../../src/gateway/grpc/reflection/files.ts';
import { ProtoWriter } from '../../../../src/gateway/upstream/oip/wire-format.ts';

const PROTO = join(import.meta.dirname, '../../../../proto');
const files = new ServedFiles(false);

test('the descriptors are those of proto/; else run `node scripts/descriptors.ts`', () => {
  expect(readFileSync(DESCRIPTORS_FILE, 'utf8')).toBe(descriptorsModule());
});

/** All methods and types: what a client makes of them. protobufjs calls the entries of a map `Parameters`, protoc `ParametersEntry`. */
function shape(loaded: PackageDefinition): unknown {
  const plain = (key: string, value: unknown) => {
    if (['fileDescriptorProtos', 'options', 'jsonName'].includes(key) || typeof value === 'function') return undefined;
    return ['name', 'typeName'].includes(key)
      ? String(value)
          .replace(/Entry$|_/g, '')
          .toLowerCase()
      : value;
  };
  return JSON.parse(JSON.stringify(loaded, plain));
}

describe('a client that goes by them sees what one with the files sees', () => {
  test.each(['oip_infer.proto', 'health.proto', 'tfs_predict.proto', 'tfs_status.proto', 'reflection.proto'])(
    '%s',
    (name) => {
      const set = new ProtoWriter();
      for (const each of files.named(name) ?? []) set.bytes(1, each);
      const told = loadFileDescriptorSetFromBuffer(Buffer.concat(set.parts()), { keepCase: true });
      const read = loadSync(name, { includeDirs: [PROTO], keepCase: true });
      expect(Object.keys(shape(read) as object).length).toBeGreaterThan(2);
      for (const [type, value] of Object.entries(shape(read) as object))
        expect((shape(told) as Record<string, unknown>)[type], type).toEqual(value);
    },
  );
});

test.each([
  { symbol: 'inference.GRPCInferenceService', files: 1 },
  { symbol: 'inference.GRPCInferenceService.ModelInfer', files: 1 },
  { symbol: 'inference.ModelInferRequest.InferInputTensor', files: 1 },
  { symbol: 'tensorflow.serving.ModelVersionStatus.State', files: 2 },
  { symbol: 'tensorflow.serving.PredictionService', files: 5 },
  { symbol: 'tensorflow.DataType', files: 1 },
  { symbol: 'grpc.reflection.v1alpha.ServerReflection', files: 1 },
  { symbol: 'inference', files: undefined },
  { symbol: '', files: undefined },
])('"$symbol" is in $files files with what they import', ({ symbol, files: count }) => {
  expect(files.defining(symbol)?.length).toBe(count);
});

test('the services are all that is served', () => {
  expect(files.services).toEqual([
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
    'inference.GRPCInferenceService',
    'tensorflow.serving.ModelService',
    'tensorflow.serving.PredictionService',
  ]);
});
