/** grpc-js as the client of a gateway: it knows nothing of how ours is written. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';
import { PROTO } from '../support/servers.ts';

type Values = Readonly<Record<string, unknown>>;

interface Stub {
  close(): void;
  [method: string]: unknown;
}

export interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly answer: Values;
  /** What came with a status that is not OK. */
  readonly metadata: Values;
}

interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeoutMs?: number;
}

export class GrpcClient {
  readonly #stub: Stub;

  constructor(stub: Stub) {
    this.#stub = stub;
  }

  /** The answer, or the status that is not OK. */
  call(method: string, request: object, how: Asking = {}): Promise<Outcome> {
    return this.begin(method, request, how).outcome;
  }

  begin(method: string, request: object, { headers = {}, timeoutMs }: Asking = {}) {
    const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
    const done = (error: ServiceError | null, answer: Values = {}) =>
      resolve({
        code: error?.code ?? 0,
        message: error?.details ?? '',
        answer,
        metadata: error?.metadata.getMap() ?? {},
      });
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const call = this.#method(method)(request, metadataOf(headers), options, done) as { cancel(): void };
    return { outcome, cancel: () => call.cancel() };
  }

  stream(method: string, { headers = {} }: Asking = {}): Conversation {
    return new Conversation(this.#method(method)(metadataOf(headers)) as ClientDuplexStream<object, Values>);
  }

  watch(method: string, request: object): Conversation {
    return new Conversation(this.#method(method)(request) as ClientDuplexStream<object, Values>);
  }

  #method(name: string) {
    return (this.#stub[name] as (...args: unknown[]) => unknown).bind(this.#stub);
  }
}

/** A call with many messages: what it said, one after the other. */
export class Conversation {
  readonly call: ClientDuplexStream<object, Values> & ClientReadableStream<Values>;
  readonly status: Promise<{ code: number; details: string }>;
  readonly #messages: AsyncIterator<Values>;

  constructor(call: ClientDuplexStream<object, Values>) {
    this.call = call as typeof this.call;
    const { promise, resolve } = Promise.withResolvers<{ code: number; details: string }>();
    this.status = promise;
    call.on('status', resolve);
    call.on('error', () => {});
    this.#messages = call[Symbol.asyncIterator]();
  }

  say(request: object): this {
    this.call.write(request);
    return this;
  }

  /** The next message; undefined when no more come. */
  async next(): Promise<Values | undefined> {
    const { value, done } = await this.#messages.next().catch(() => ({ value: undefined, done: true }));
    return done ? undefined : value;
  }

  async rest(): Promise<Values[]> {
    const all: Values[] = [];
    for (let each = await this.next(); each; each = await this.next()) all.push(each);
    return all;
  }
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

type StubClass = new (address: string, how: ChannelCredentials, options: object) => Stub;

interface ClientOptions {
  readonly file?: string;
  readonly service?: string;
  readonly how?: ChannelCredentials;
  readonly options?: object;
}

const OPTIONS = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
};

/** Of one port; a connection of its own, closed with the test. */
export function grpcClient(port: number | undefined, given: ClientOptions = {}): GrpcClient {
  const { file = 'oip_infer.proto', service = 'inference.GRPCInferenceService', how, options } = given;
  const loaded = loadPackageDefinition(
    loadSync(resolve(PROTO, file), { keepCase: true, longs: Number, defaults: true }),
  );
  const found = service.split('.').reduce<unknown>((at, name) => (at as Values)[name], loaded) as StubClass;
  const stub = new found(`127.0.0.1:${port}`, how ?? credentials.createInsecure(), { ...OPTIONS, ...options });
  onTestFinished(() => stub.close());
  return new GrpcClient(stub);
}

export const healthClient = (port: number | undefined, how?: ChannelCredentials): GrpcClient =>
  grpcClient(port, { file: 'health.proto', service: 'grpc.health.v1.Health', ...(how ? { how } : {}) });

/** The service as MLServer has it: a stream of bare answers. @returns a file */
export function bareProto(): string {
  const dir = mkdtempSync(join(tmpdir(), 'proto-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const ours = readFileSync(join(PROTO, 'oip_infer.proto'), 'utf8');
  const file = join(dir, 'bare.proto');
  writeFileSync(file, ours.replace('returns (stream ModelStreamInferResponse)', 'returns (stream ModelInferResponse)'));
  return file;
}

/** Two INT8 values, raw. */
export const RAW = {
  model_name: 'm',
  id: '7',
  inputs: [{ name: 'IN', datatype: 'INT8', shape: [2] }],
  raw_input_contents: [Buffer.from([1, 2])],
};
