// Types for a module of `muster gateway --transform ./mine.mjs`. In the module:
//
//     /** @type {import('muster/runtimes/transform.d.ts').Preprocess} */
//     export function preprocess(request, { tensor, texts }) { … }
//
// `muster install` puts this file beside the catalogue: DIR/lib-…/runtimes/transform.d.ts.

export type Datatype =
  | 'BOOL' | 'UINT8' | 'UINT16' | 'UINT32' | 'UINT64' | 'INT8' | 'INT16' | 'INT32' | 'INT64'
  | 'FP16' | 'BF16' | 'FP32' | 'FP64' | 'BYTES';

/** Integers beyond 2^53 are bigint. */
export type Parameters = Readonly<Record<string, boolean | number | bigint | string>>;

export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Elements along each axis, outermost first. */
  readonly shape: readonly number[];
  /** Little-endian, row-major; make it by `tensor`, read it by `values`, `texts` and `bytes`. */
  readonly data: Uint8Array;
  readonly parameters?: Parameters | undefined;
}

export interface InferRequest {
  readonly model: string;
  /** '' is the predictor's choice. */
  readonly version: string;
  /** The client's own. */
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** What the client asks for; empty: all. */
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[];
}

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
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
}

export interface TransformContext {
  /** What the model behind takes and gives. */
  readonly metadata: ModelMetadata;
  /** A tensor from values: numbers, bigint for 64 bits, strings or bytes for BYTES; row-major, flat or nested. */
  readonly tensor: (name: string, datatype: string, shape: readonly number[], values: readonly unknown[]) => Tensor;
  /** The values of a numeric or BOOL tensor, flat. 64-bit integers are bigint. */
  readonly values: (tensor: Tensor) => readonly (number | bigint | boolean)[];
  /** The elements of a BYTES tensor as text. */
  readonly texts: (tensor: Tensor) => readonly string[];
  /** The elements of a BYTES tensor as they are. */
  readonly bytes: (tensor: Tensor) => readonly Uint8Array[];
  /**
   * What `make` gives, kept for `seconds` under `key`, in memory or in Redis. Of many who ask for the same one makes it. It
   * must be JSON or a Uint8Array. Keys are this module's own.
   */
  readonly cached: <T>(key: string, seconds: number, make: () => T | Promise<T>) => Promise<T>;
}

export interface ExplainContext extends TransformContext {
  /**
   * Asks the predictor behind this transform. What is left out of the request is as in the one that is explained. An error
   * has the HTTP status as `status`.
   */
  readonly infer: (request: Pick<InferRequest, 'inputs'> & Partial<InferRequest>) => Promise<InferResponse>;
}

/** Errors with a `status` of 400-499 are the client's. */
export type Preprocess = (request: InferRequest, context: TransformContext) => InferRequest | Promise<InferRequest>;

export type Postprocess = (
  response: InferResponse,
  request: InferRequest,
  context: TransformContext,
) => InferResponse | Promise<InferResponse>;

/** From the request as `preprocess` has made it to an object: the JSON of the answer. */
export type Explain = (request: InferRequest, context: ExplainContext) => unknown;

/** All that a module may export. */
export interface Transform {
  /** What clients send in place of the model's inputs. */
  readonly inputs?: readonly TensorMetadata[];
  /** What clients get in place of the model's outputs. */
  readonly outputs?: readonly TensorMetadata[];
  readonly preprocess?: Preprocess;
  readonly postprocess?: Postprocess;
  readonly explain?: Explain;
}
