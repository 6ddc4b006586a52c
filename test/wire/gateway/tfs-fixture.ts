/** TensorFlow Serving by grpc-js and our proto files: it answers as it is told and remembers what came. */
import { join } from 'node:path';
import {
  type Deadline,
  type handleUnaryCall,
  loadPackageDefinition,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';
import { PROTO } from '../support/servers.ts';

const definitions = loadSync(join(PROTO, 'tfs_predict.proto'), {
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
});
const { tensorflow } = loadPackageDefinition(definitions) as unknown as {
  readonly tensorflow: { readonly serving: Readonly<Record<string, { readonly service: ServiceDefinition }>> };
};
const { PredictionService, ModelService } = tensorflow.serving;

interface Official {
  readonly type: { readonly name: string };
  serialize(value: unknown): Buffer;
}

export const encoded = (name: string, value: unknown): Buffer => {
  const found = (Object.values(definitions) as unknown as Official[]).find(
    (each) => 'serialize' in each && each.type.name === name,
  );
  return found?.serialize(value) ?? Buffer.of();
};

export interface Came {
  readonly method: string;
  readonly request: Message;
  readonly metadata: Metadata;
  readonly deadline: Deadline;
}

/** gRPC's number and words, in place of an answer. */
export class No extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What protobuf says of a request; each handler knows its own. */
interface Message {
  readonly inputs: Readonly<Record<string, object>>;
  readonly model_spec: { readonly name: string };
}

type Handler = (request: Message) => object;

const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size })) });
const info = (dtype: string, ...sizes: number[]) => ({ name: 'x:0', dtype, tensor_shape: shape(...sizes) });

/** Two ways to be called: by an INT8 row, or by texts. */
const SIGNATURES = {
  signature_def: {
    serving_default: {
      method_name: 'tensorflow/serving/predict',
      inputs: { IN: info('DT_INT8', -1, 2) },
      outputs: { OUT: info('DT_INT8', -1, 2) },
    },
    by_text: {
      method_name: 'tensorflow/serving/predict',
      inputs: { text: info('DT_STRING', -1) },
      outputs: { text: info('DT_STRING', -1) },
    },
  },
};

export const metadataAnswer = {
  model_spec: { name: 'm', version: { value: 7 } },
  metadata: {
    signature_def: {
      type_url: 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
      value: encoded('SignatureDefMap', SIGNATURES),
    },
  },
};

const HANDLERS: Readonly<Record<string, Handler>> = {
  Predict: ({ inputs, model_spec: { name } }) => ({
    model_spec: { name, version: { value: 7 }, signature_name: 'serving_default' },
    outputs: Object.fromEntries(
      Object.entries(inputs).map(([key, value]) => [key === 'IN' ? 'OUT' : key, value as object]),
    ),
  }),
  GetModelMetadata: () => metadataAnswer,
  GetModelStatus: () => ({ model_version_status: [{ version: 7, state: 'AVAILABLE', status: {} }] }),
};

export async function fakeTfs(handlers: Readonly<Record<string, Handler>> = {}) {
  const came: Came[] = [];
  const server = new Server();
  const all = { ...HANDLERS, ...handlers };
  for (const service of [PredictionService?.service, ModelService?.service]) {
    if (service === undefined) continue;
    const methods: UntypedServiceImplementation = {};
    for (const method of Object.keys(service)) {
      const handler = all[method];
      if (!handler) continue;
      const handle: handleUnaryCall<Message, object> = (call, done) => {
        const { request, metadata } = call;
        came.push({ method, request, metadata, deadline: call.getDeadline() });
        try {
          done(null, handler(request));
        } catch (error) {
          done(error as No);
        }
      };
      methods[method] = handle;
    }
    server.addService(service, methods);
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  return { port, came, asked: (method: string) => came.filter((each) => each.method === method) };
}
