/**
 * Raw bytes → JSON text. JSON has no NaN and no Infinity: they become `null`, as in KServe, where Triton would write what
 * no parser takes. BYTES that are not UTF-8 cannot be JSON at all and are refused by name.
 */
import { Failure } from '../failure.ts';
import { FLOAT_ROOM, writeFloats } from '../json/write-floats.ts';
import { fromRaw } from './numbers.ts';
import { bytesElements, type Tensor } from './tensor.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The elements as JSON values: numbers, bigint for 64 bits, booleans, strings. Not finite: null. */
export function valuesOf(tensor: Tensor): readonly unknown[] {
  const { datatype, data } = tensor;
  if (datatype === 'BOOL') return Array.from(data, (each) => each !== 0);
  if (datatype === 'BYTES') return (bytesElements(data) ?? []).map((each) => textOf(tensor, each));
  const values = Array.from<number | bigint>(fromRaw(datatype, data) as ArrayLike<number>);
  return values.map((each) => (typeof each === 'bigint' || Number.isFinite(each) ? each : null));
}

/** `[1,2,3]`: the flat list of a V2 answer. */
export function jsonOf(tensor: Tensor): string {
  const { datatype, data } = tensor;
  if (datatype === 'BOOL' || datatype === 'BYTES') return JSON.stringify(valuesOf(tensor));
  if (datatype === 'FP32' || datatype === 'FP16' || datatype === 'BF16') return floatsText(fromRaw(datatype, data));
  const text = `[${Array.prototype.join.call(wordsOf(fromRaw(datatype, data)), ',')}]`;
  // Number's own words for the three values JSON lacks; nothing else in this text has letters but the e of an exponent.
  return text.includes('N') || text.includes('I') ? text.replace(/-?(?:NaN|Infinity)/g, 'null') : text;
}

/** What `join` writes as each value should be; it would lose the sign of a zero, which JSON can say. */
const wordsOf = (values: ArrayLike<number> | ArrayLike<bigint>): ArrayLike<unknown> =>
  values instanceof Float64Array && values.some(isMinusZero)
    ? Array.from(values, (each) => (isMinusZero(each) ? '-0' : each))
    : values;

const isMinusZero = (value: number): boolean => Object.is(value, -0);

/** The same; where it is long, as the bytes it is written in: as text it would be copied three times on its way out. */
export function jsonPart(tensor: Tensor): string | Uint8Array {
  const { datatype, data } = tensor;
  if (datatype !== 'FP32' || data.length < LONG_BYTES) return jsonOf(tensor);
  return floatsBytes(floatsOf(fromRaw(datatype, data)));
}

const LONG_BYTES = 16 * 1024;

/** Short lists are written here, and read from it at once. */
const scratch = Buffer.alloc((LONG_BYTES / 4) * FLOAT_ROOM);

function floatsText(values: ArrayLike<number> | ArrayLike<bigint>): string {
  const floats = floatsOf(values);
  if (floats.length * FLOAT_ROOM > scratch.length) return floatsBytes(floats).toString('latin1');
  return `[${scratch.toString('latin1', 0, writeFloats(floats, scratch, 0))}]`;
}

const floatsOf = (values: ArrayLike<number> | ArrayLike<bigint>): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);

function floatsBytes(floats: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(floats.length * FLOAT_ROOM + 2);
  bytes[0] = 0x5b; // [
  const end = writeFloats(floats, bytes, 1);
  bytes[end] = 0x5d; // ]
  return bytes.subarray(0, end + 1);
}

function textOf({ name }: Tensor, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new Failure(
      422,
      `output "${name}" holds bytes that are not UTF-8, so they cannot be JSON; ask for it with "parameters": {"binary_data": true}`,
    );
  }
}

/** JSON.stringify for values that may hold a bigint: it is written as the number it is. */
export const stringify = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? rawNumber(String(each)) : each));

/** What TypeScript's es2024 library does not know yet; Node 24 has it. */
const { rawJSON: rawNumber } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
