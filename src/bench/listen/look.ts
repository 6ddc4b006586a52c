/** Which way a request came, told from its head and the first bytes of its body. Pure. */
import { JSON_BYTES_HEADER } from '../../gateway/protocol/v2.ts';
import type { Way } from '../ways.ts';

/** Enough for the description of all inputs; raw tensors come behind it, and their first byte is seen. */
export const LOOKED_AT_BYTES = 64 * 1024;

export interface Head {
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** An inference. `way` is undefined when it cannot be told: `words` says why. */
export interface Seen {
  readonly way: Way | undefined;
  /** e.g. `ModelInfer`, `V1 :predict` */
  readonly call: string;
  readonly words: string;
}

/** @returns undefined for what is no inference: health, metadata */
export function lookAtHttp({ path, headers }: Head): Seen | undefined {
  const [plain = ''] = path.split('?');
  if (/\/v1\/models\/[^/]+:(?:predict|explain)$/.test(plain))
    return { way: 'json', call: 'V1 :predict', words: 'JSON rows of V1: every value as text' };
  if (!/\/v2\/models\/.+\/infer$/.test(plain)) return undefined;
  return headers[JSON_BYTES_HEADER] === undefined
    ? { way: 'json', call: 'V2 infer', words: 'JSON: every value as text' }
    : { way: 'binary', call: 'V2 infer', words: 'the binary tensor data extension: bytes' };
}

/** @param first the first bytes of the stream, at most LOOKED_AT_BYTES of them */
export function lookAtGrpc({ path, headers }: Head, first: Uint8Array): Seen | undefined {
  const [, call] = /^\/inference\.GRPCInferenceService\/(ModelInfer|ModelStreamInfer)$/.exec(path) ?? [];
  if (call === undefined) return undefined;
  if (first[0] === 1)
    return { way: undefined, call, words: `packed (${String(headers['grpc-encoding'])}), so it cannot be read` };
  const { raw, typed } = tensorsIn(first.subarray(5));
  if (raw && typed)
    return { way: undefined, call, words: 'raw_input_contents and contents at once, which predictors refuse' };
  if (raw) return { way: 'raw', call, words: 'raw_input_contents: bytes' };
  if (typed) return { way: 'typed', call, words: 'contents: lists, every value by itself' };
  return { way: undefined, call, words: 'no tensors in what was looked at' };
}

/** ModelInferRequest: inputs is field 5, contents field 5 of each, raw_input_contents field 7. */
function tensorsIn(message: Uint8Array): { raw: boolean; typed: boolean } {
  const found = { raw: false, typed: false };
  fieldsOf(message, (no, part) => {
    if (no === 7) found.raw = true;
    if (no !== 5) return;
    fieldsOf(part, (inner, contents) => {
      if (inner === 5 && contents.length > 0) found.typed = true;
    });
  });
  return found;
}

const SIZES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** The fields with a length, as far as `bytes` goes: the last one may be cut. What is no protobuf ends it. */
function fieldsOf(bytes: Uint8Array, take: (no: number, part: Uint8Array) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === 2) {
      const length = varint();
      if (Number.isNaN(length)) return;
      take(Math.floor(tag / 8), bytes.subarray(at, at + length));
      at += length;
    } else if (wire === 0) varint();
    else if (SIZES[wire] !== undefined) at += SIZES[wire];
    else return;
  }
}
