/** What the gateway and a transform's thread say to each other. Values only; the bytes of tensors are handed over. */
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/infer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TransformShape } from './transform.ts';

export type Job =
  | { readonly hook: 'preprocess'; readonly request: InferRequest; readonly metadata: ModelMetadata }
  | {
      readonly hook: 'postprocess';
      readonly request: InferRequest;
      readonly response: InferResponse;
      readonly metadata: ModelMetadata;
    };

/** Which answer belongs to which hook. */
export interface JobResults {
  readonly preprocess: InferRequest;
  readonly postprocess: InferResponse;
}

export type Said =
  | { readonly what: 'loaded'; readonly shape: TransformShape }
  | { readonly what: 'unloadable'; readonly message: string }
  | { readonly what: 'done'; readonly result: InferRequest | InferResponse }
  | { readonly what: 'failed'; readonly status: number; readonly message: string };

/**
 * The tensors with bytes of their own, which can be handed over: a view would drag the whole body along, and leave the
 * sender without it.
 */
export function packed(tensors: readonly Tensor[]): { tensors: Tensor[]; transfer: ArrayBuffer[] } {
  const own = tensors.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) }));
  return { tensors: own, transfer: own.map(({ data }) => data.buffer) };
}
