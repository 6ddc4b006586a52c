/** What is asked of a predictor and what it answers, whatever the wire says: the words that all protocols are turned into. */
import type { Parameters, Tensor } from '../tensor/tensor.ts';

export interface InferRequest {
  readonly model: string;
  /** '' is the predictor's choice. */
  readonly version: string;
  /** The client's own; comes back with the answer. */
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** Empty: all of them. */
  readonly outputs: readonly RequestedOutput[];
}

export interface RequestedOutput {
  readonly name: string;
  /** Without `binary_data`, which is between the client and us. */
  readonly parameters: Parameters;
}

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
  /** Of a stream: the predictor said with this one that no other follows. */
  readonly final?: boolean;
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 is any size. */
  readonly shape: readonly number[];
  /** A request may leave it out; values without a name are never for it. */
  readonly optional?: boolean;
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** TensorFlow's models have several ways to be called; `inputs` and `outputs` are those of the default one. */
  readonly signatures?: ReadonlyMap<string, Signature> | undefined;
}

export interface Signature {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
  /** Its models, as it lists them, where its protocol has a list. */
  readonly models?: readonly Readonly<Record<string, unknown>>[];
}

/** How one call is to be made: for how long, by whose leave, with which of the client's headers. */
export interface Call {
  /** When it must be over, waiting included: milliseconds on the monotonic clock (`performance.now()`). */
  readonly deadlineAt: number;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Lower-case names; what the allow-list let through. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Milliseconds that are left of a call; 0 when none are. */
export const leftMs = ({ deadlineAt }: Call): number => Math.max(0, deadlineAt - performance.now());

/**
 * Who answers requests. The upstreams are some of these; what stands before them (a transform, a cache, retries, a choice
 * among several) takes one and is one, so they stack.
 *
 * Every method throws a `Failure`. `stream` gives the answers that came together since the last step: what is written to
 * a client in one go.
 */
export interface Predictor {
  /** For messages, e.g. `grpc 10.0.0.7:9000`. */
  readonly name: string;
  infer(request: InferRequest, call: Call): Promise<InferResponse>;
  stream(request: InferRequest, call: Call): AsyncIterable<readonly InferResponse[]>;
  live(call: Call): Promise<boolean>;
  ready(call: Call): Promise<boolean>;
  modelReady(model: string, version: string, call: Call): Promise<boolean>;
  metadata(call: Call): Promise<ServerMetadata>;
  modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata>;
  close(): void;
}
