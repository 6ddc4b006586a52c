/** A large answer as parts of a chosen size, in order: views, not copies. Pure. */
import { refuse } from '../failure.ts';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import { without } from '../protocol/json.ts';
import { countOf, ELEMENT_BYTES, type Tensor } from '../tensor/tensor.ts';

/** The request's parameter: bytes of one part. It is between the client and us. */
export const CHUNK_PARAMETER = 'chunk_bytes';
const MIN_CHUNK_BYTES = 1_024;
const MAX_CHUNK_BYTES = 64 * 2 ** 20;

/** Elements of one output, in row-major order from `offset` on. */
export interface Part {
  readonly output: Tensor;
  readonly offset: number;
  readonly count: number;
  readonly data: Uint8Array;
}

/** @returns the request as the predictor gets it, and the size of parts, if its client wants any · @throws Failure 400 */
export function takeChunkBytes(request: InferRequest): { request: InferRequest; chunkBytes: number | undefined } {
  const { [CHUNK_PARAMETER]: asked } = request.parameters;
  if (asked === undefined) return { request, chunkBytes: undefined };
  const chunkBytes = Number(asked);
  if (
    typeof asked === 'boolean' ||
    !Number.isInteger(chunkBytes) ||
    chunkBytes < MIN_CHUNK_BYTES ||
    chunkBytes > MAX_CHUNK_BYTES
  )
    throw refuse(
      `parameter "${CHUNK_PARAMETER}" is ${String(asked).slice(0, 40)}, not a number of bytes from ${MIN_CHUNK_BYTES} to ${MAX_CHUNK_BYTES}`,
    );
  return { request: { ...request, parameters: without(request.parameters, CHUNK_PARAMETER) }, chunkBytes };
}

/** All parts of all outputs. */
export function* partsOf({ outputs }: Pick<InferResponse, 'outputs'>, chunkBytes: number): Generator<Part> {
  for (const output of outputs)
    yield* ELEMENT_BYTES[output.datatype] === undefined ? cutBytes(output, chunkBytes) : cut(output, chunkBytes);
}

/** Whole rows: the largest block of the last axes that fits, and as many of these as fit. One element always does. */
function* cut(output: Tensor, chunkBytes: number): Generator<Part> {
  const each = ELEMENT_BYTES[output.datatype] ?? 1;
  const count = countOf(output.shape);
  const step = blockOf(output.shape, Math.max(1, Math.floor(chunkBytes / each)));
  for (let offset = 0; offset < count; offset += step) {
    const end = Math.min(count, offset + step);
    yield { output, offset, count: end - offset, data: output.data.subarray(offset * each, end * each) };
  }
}

/** Elements of a part: a multiple of the largest trailing block that is not larger than `most`. */
function blockOf(shape: readonly number[], most: number): number {
  let block = 1;
  for (const size of shape.toReversed()) {
    if (block * size > most) break;
    block *= Math.max(1, size);
  }
  return block * Math.floor(most / block);
}

/** BYTES differ in length: as many as fit, and one that does not fit by itself. */
function* cutBytes(output: Tensor, chunkBytes: number): Generator<Part> {
  const { data } = output;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let [from, at, offset, count] = [0, 0, 0, 0];
  while (at < data.length) {
    const next = at + 4 + view.getUint32(at, true);
    if (count > 0 && next - from > chunkBytes) {
      yield { output, offset, count, data: data.subarray(from, at) };
      [from, offset, count] = [at, offset + count, 0];
    }
    at = next;
    count += 1;
  }
  if (count > 0) yield { output, offset, count, data: data.subarray(from, at) };
}
