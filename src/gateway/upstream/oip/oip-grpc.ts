/** A predictor that speaks the Open Inference Protocol v2 over gRPC: Triton, MLServer, KServe's own server. */
import type { Address } from '../../../wire/address.ts';
import { GrpcConnection } from '../../../wire/grpc-connection.ts';
import type { GrpcStream } from '../../../wire/grpc-stream.ts';
import type { Dial } from '../../../wire/tls.ts';
import { Failure, failureOf, failureOfStatus } from '../../failure.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
  ServerMetadata,
} from '../../protocol/infer.ts';
import { grpcCall, UnaryGrpc } from '../unary-grpc.ts';
import { type Flavour, flavourOf } from './flavour.ts';
import {
  decodeInfer,
  decodeModelMetadata,
  decodeServerMetadata,
  decodeStreamed,
  decodeYes,
  encodeInfer,
  encodeNamed,
} from './messages.ts';
import { failureOfStreamed } from './triton-words.ts';

export interface OipGrpcOptions extends Address {
  /** Undefined: asked of the server, once. */
  readonly flavour?: Flavour | undefined;
  /** Undefined: no TLS. */
  readonly tls?: Dial | undefined;
  /** What it is called where the address is one of several. @default the address */
  readonly authority?: string | undefined;
  /** Bytes of one answer. */
  readonly maxReplyBytes: number;
}

/**
 * What one stream may hold that its client has not read. Small, for a thousand stopped readers must cost little; a token
 * is tens of bytes.
 */
const STREAM_WINDOW_BYTES = 64 * 1024;
const SERVICE = '/inference.GRPCInferenceService/';
/** Triton says the end of a stream only to who asks for it (triton-inference-server/server#6463). */
const ASK_FOR_THE_END = { triton_enable_empty_final_response: true };

export class OipGrpc implements Predictor {
  readonly name: string;
  /** Two connections: large windows for tensors, small ones for streams. */
  readonly #unary: UnaryGrpc;
  readonly #streams: GrpcConnection;
  #flavour: Flavour | undefined;

  constructor({ flavour, ...options }: OipGrpcOptions) {
    this.#unary = new UnaryGrpc(options);
    this.name = this.#unary.name;
    this.#streams = new GrpcConnection({ ...options, windowBytes: STREAM_WINDOW_BYTES });
    this.#flavour = flavour;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    return this.#ask('ModelInfer', encodeInfer(request), call, decodeInfer);
  }

  async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[], void, undefined> {
    this.#flavour ??= flavourOf(await this.metadata(call));
    const flavour = this.#flavour;
    if (flavour === 'kserve') throw new Failure(501, `${this.name} has no streaming (ModelStreamInfer)`);
    const stream = await this.#open(flavour === 'triton' ? asking(request) : request, call);
    try {
      for await (const batch of stream) {
        const read = readBatch(batch, flavour);
        if (read.answers.length > 0) yield read.answers;
        if (read.failure) throw read.failure;
        if (read.over) return;
      }
      const { status = 0, message = '' } = stream.status ?? {};
      if (status !== 0) throw failureOfStatus({ status, message });
    } catch (error) {
      throw failureOf(error, this.name);
    }
  }

  live(call: Call): Promise<boolean> {
    return this.#ask('ServerLive', [], call, decodeYes);
  }

  ready(call: Call): Promise<boolean> {
    return this.#ask('ServerReady', [], call, decodeYes);
  }

  modelReady(model: string, version: string, call: Call): Promise<boolean> {
    return this.#ask('ModelReady', encodeNamed(model, version), call, decodeYes);
  }

  metadata(call: Call): Promise<ServerMetadata> {
    return this.#ask('ServerMetadata', [], call, decodeServerMetadata);
  }

  modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    return this.#ask('ModelMetadata', encodeNamed(model, version), call, decodeModelMetadata);
  }

  close(): void {
    this.#unary.close();
    this.#streams.close();
  }

  #ask<T>(method: string, parts: readonly Uint8Array[], call: Call, read: (body: Uint8Array) => T): Promise<T> {
    return this.#unary.ask(SERVICE + method, parts, call, read);
  }

  async #open(request: InferRequest, call: Call): Promise<GrpcStream> {
    try {
      const stream = await this.#streams.stream(grpcCall(`${SERVICE}ModelStreamInfer`, encodeInfer(request), call));
      stream.finish(); // one request a stream: its end is then told by the status too
      return stream;
    } catch (error) {
      throw failureOf(error, this.name);
    }
  }
}

const asking = (request: InferRequest): InferRequest => ({
  ...request,
  parameters: { ...request.parameters, ...ASK_FOR_THE_END },
});

interface Batch {
  readonly answers: readonly InferResponse[];
  readonly failure: Failure | undefined;
  readonly over: boolean;
}

/** What one read brought. What came before an error is an answer still. */
function readBatch(batch: readonly Uint8Array[], flavour: Flavour): Batch {
  const answers: InferResponse[] = [];
  for (const bytes of batch) {
    if (flavour === 'mlserver') {
      answers.push(decodeInfer(bytes));
      continue;
    }
    const { error, response } = decodeStreamed(bytes);
    if (error !== '') return { answers, failure: failureOfStreamed(error), over: true };
    if (response === undefined) continue;
    const { triton_final_response: final, ...parameters } = response.parameters;
    // The last message may bring outputs; the one that was asked for has none.
    if (final !== true || response.outputs.length > 0)
      answers.push({ ...response, parameters, ...(final === true ? { final } : {}) });
    if (final === true) return { answers, failure: undefined, over: true };
  }
  return { answers, failure: undefined, over: false };
}
