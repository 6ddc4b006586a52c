/** Which answers are the same answer, and which features the same features. Pure. */
import { createHash } from 'node:crypto';
import type { Call, InferRequest } from '../protocol/infer.ts';
import type { Parameters, Tensor } from '../tensor/tensor.ts';

/** Headers that tell requests apart for tracing; every other one may change what a predictor answers, or to whom. */
const TRACING = new Set(['x-request-id', 'traceparent', 'tracestate', 'baggage', 'b3']);
export const isTracing = (name: string): boolean => TRACING.has(name) || name.startsWith('x-b3-');

/** A model with a memory answers by what came before. */
const STATEFUL = ['sequence_id', 'sequence_start', 'sequence_end'];

/**
 * SHA-256 over everything that decides the answer: model, version, parameters, inputs with every byte, outputs, and each
 * forwarded header but those for tracing, `authorization` above all: two clients share an answer only when they would be
 * let in alike. The request's id is not in it.
 *
 * @param maker of features: what makes them, and from what beside the request
 * @returns undefined for a request whose answer must not be kept
 */
export function cacheKey(
  request: InferRequest,
  { headers }: Pick<Call, 'headers'>,
  ...maker: readonly string[]
): string | undefined {
  if (STATEFUL.some((name) => name in request.parameters)) return undefined;
  const hash = createHash('sha256');
  // Each part behind its length, or else one could be pushed into the next.
  const add = (part: string | Uint8Array) => hash.update(`${Buffer.byteLength(part)}:`).update(part);
  for (const part of maker) add(part);
  add(request.model);
  add(request.version);
  add(sorted(request.parameters));
  for (const name of Object.keys(headers).sort()) if (!isTracing(name)) add(`${name}=${headers[name]}`);
  for (const input of request.inputs) addTensor(add, input);
  for (const { name, parameters } of request.outputs) {
    add(`output ${name}`);
    add(sorted(parameters));
  }
  return hash.digest('base64url');
}

function addTensor(add: (part: string | Uint8Array) => unknown, tensor: Tensor): void {
  add(`input ${tensor.name}`);
  add(`${tensor.datatype} ${tensor.shape.join(',')}`);
  add(sorted(tensor.parameters ?? {}));
  add(tensor.data);
}

const sorted = (parameters: Parameters): string =>
  Object.entries(parameters)
    // A text in quotes, or else it could read like a parameter more.
    .map(([name, value]) => `${JSON.stringify(name)}:${typeof value}:${JSON.stringify(String(value))}`)
    .sort()
    .join(',');
