/** What the gateway and a transform's thread say to each other. Values only; the bytes of tensors are handed over. */
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/infer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TransformShape } from './transform.ts';

interface OneJob {
  readonly request: InferRequest;
  readonly metadata: ModelMetadata;
}

export type Job =
  | (OneJob & { readonly hook: 'preprocess' })
  | (OneJob & { readonly hook: 'postprocess'; readonly response: InferResponse })
  | (OneJob & { readonly hook: 'explain' });

/** Which answer belongs to which hook; an explanation is JSON. */
export interface JobResults {
  readonly preprocess: InferRequest;
  readonly postprocess: InferResponse;
  readonly explain: string;
}

/** What a hook wants of the gateway while it works; each gets an `Answered`. */
export type Ask =
  | { readonly want: 'infer'; readonly request: InferRequest }
  | { readonly want: 'cached'; readonly key: string }
  | {
      readonly want: 'keep';
      readonly key: string;
      readonly bytes: Uint8Array | undefined;
      readonly ttlMs: number;
    };

export interface Answered {
  /** The number of the ask. */
  readonly answers: number;
  readonly value?: InferResponse | Uint8Array | undefined;
  readonly failed?: { readonly status: number; readonly message: string };
}

/** What a thread is told. */
export type Told = Job | Answered;

export type Said =
  | { readonly what: 'loaded'; readonly shape: TransformShape }
  | { readonly what: 'unloadable'; readonly message: string }
  | { readonly what: 'asks'; readonly number: number; readonly ask: Ask }
  | { readonly what: 'done'; readonly result: JobResults[keyof JobResults] }
  | { readonly what: 'failed'; readonly status: number; readonly message: string };

/**
 * The tensors with bytes of their own, which can be handed over: a view would drag the whole body along, and leave the
 * sender without it.
 */
export function packed(tensors: readonly Tensor[]): { tensors: Tensor[]; transfer: ArrayBuffer[] } {
  const own = tensors.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) }));
  return { tensors: own, transfer: own.map(({ data }) => data.buffer) };
}
