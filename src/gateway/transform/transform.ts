/**
 * What stands between a client and a model: text into tensors before, tensors into an answer after. A module of the user
 * (`--transform ./mine.mjs`) or one of ours is turned into these hooks, and they run in threads of their own
 * (`pool.ts`), so that one which loops for ever costs one request.
 */
import type { InferRequest, InferResponse, ModelMetadata, TensorMetadata } from '../protocol/infer.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What a hook is given beside the request: the model's own words about itself, and ways to look into tensors. */
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
   * What `make` gives, kept for `seconds` under `key`, in memory or in Redis: what a hook looks up elsewhere. Of many who ask
   * for the same one makes it. What it gives must be JSON or a Uint8Array. The key is this module's own.
   */
  readonly cached: <T>(key: string, seconds: number, make: () => MaybeLater<T>) => Promise<T>;
}

/** What `explain` is given beside that. */
export interface ExplainContext extends TransformContext {
  /**
   * Asks the predictor behind this transform. What is left out of the request (model, parameters, …) is as in the one that is
   * explained. An error has the HTTP status as `status`.
   */
  readonly infer: (request: Pick<InferRequest, 'inputs'> & Partial<InferRequest>) => Promise<InferResponse>;
}

type MaybeLater<T> = T | Promise<T>;

/** The hooks. What is left out lets everything pass. Thrown errors with a `status` of 400-499 are the client's. */
export interface Transform {
  /** What clients send in place of the model's inputs; without it, the model's own. */
  readonly inputs?: readonly TensorMetadata[];
  /** What clients get in place of the model's outputs. */
  readonly outputs?: readonly TensorMetadata[];
  readonly preprocess?: (request: InferRequest, context: TransformContext) => MaybeLater<InferRequest>;
  readonly postprocess?: (
    response: InferResponse,
    request: InferRequest,
    context: TransformContext,
  ) => MaybeLater<InferResponse>;
  /** `POST /v1/models/M:explain`: from the request as `preprocess` has made it to the answer's JSON. */
  readonly explain?: (request: InferRequest, context: ExplainContext) => MaybeLater<unknown>;
}

export const HOOKS = ['preprocess', 'postprocess', 'explain'] as const;
export type Hook = (typeof HOOKS)[number];

/** What a transform has, as its thread tells when it is loaded. */
export interface TransformShape {
  readonly inputs: readonly TensorMetadata[] | undefined;
  readonly outputs: readonly TensorMetadata[] | undefined;
  readonly hooks: readonly Hook[];
}

/** Which transform to load, and its options: plain values, for they cross into a thread. */
export type TransformChoice =
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'tokenize'; readonly options: TokenizeOptions }
  | { readonly kind: 'image'; readonly options: ImageOptions }
  | { readonly kind: 'classify'; readonly options: ClassifyOptions };

/** Which of two texts is cut, by the names that Hugging Face has. */
export type Truncation = 'longest_first' | 'only_first' | 'only_second';

export interface TokenizeOptions {
  /** Directory with tokenizer.json and, if there is one, tokenizer_config.json. */
  readonly directory: string;
  /** Tokens of one row at most. */
  readonly maxTokens: number;
  /** How longer ones are cut; undefined: they are refused. */
  readonly truncate: Truncation | undefined;
  /** To the longest of the request, or always to `maxTokens`. */
  readonly pad: 'longest' | 'max';
}

export interface ImageOptions {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Whole: stretched. Cover: cut. Contain: with bars. */
  readonly fit: 'fill' | 'cover' | 'contain';
  readonly layout: 'NCHW' | 'NHWC';
  /** value = (pixel × scale - mean) / std, for red, green, blue. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ClassifyOptions {
  readonly topK: number;
  /** One label a line, the first for class 0; undefined: the class's number. */
  readonly labelsFile: string | undefined;
  /** Turn logits into probabilities first. */
  readonly softmax: boolean;
}
