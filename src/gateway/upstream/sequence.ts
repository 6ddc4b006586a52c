/** Requests that a model remembers: they belong to one server, and doing one twice is not the same as once. */
import type { InferRequest } from '../protocol/infer.ts';

/** Triton's parameter, a number or a string; undefined: the request stands for itself. */
export function sequenceOf({ parameters, model }: InferRequest): string | undefined {
  const { sequence_id: id } = parameters;
  return id === undefined || id === 0 || id === '' ? undefined : `${model} ${String(id)}`;
}
