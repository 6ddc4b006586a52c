/**
 * Numbers of each datatype to raw bytes and back. Typed arrays are little-endian on every machine Node runs on but s390x;
 * there `LITTLE` is false and the bytes of an element are turned around.
 */
import { type Datatype, ELEMENT_BYTES } from './tensor.ts';

export type NumberType = Exclude<Datatype, 'BOOL' | 'BYTES'>;
/** Datatypes whose values do not fit a JavaScript number. */
export type WideType = 'INT64' | 'UINT64';

const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** What TypeScript's es2024 library does not know yet; Node 24 has it. */
const { Float16Array } = globalThis as unknown as {
  readonly Float16Array: new (from: ArrayBuffer | ArrayLike<number> | number) => Float32Array;
};

type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

const ARRAYS = {
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

/** Whole-number types: smallest and largest value. */
export const RANGES: Readonly<Partial<Record<Datatype, readonly [bigint, bigint]>>> = {
  UINT8: [0n, 255n],
  UINT16: [0n, 65_535n],
  UINT32: [0n, 4_294_967_295n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-128n, 127n],
  INT16: [-32_768n, 32_767n],
  INT32: [-2_147_483_648n, 2_147_483_647n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** Rounds to the nearest value of the type, ties to even, as IEEE 754 and numpy do; the range is the caller's to check. */
export function toRaw(datatype: NumberType, values: readonly number[] | Float64Array): Uint8Array {
  if (datatype === 'BF16') return bytesOf(Uint16Array.from(values, toBfloat16));
  if (datatype === 'INT64' || datatype === 'UINT64') return wideToRaw(datatype, Array.from(values, BigInt));
  if (values instanceof Float64Array) return bytesOf(new ARRAYS[datatype](values));
  const made = new ARRAYS[datatype](values.length);
  for (let i = 0; i < values.length; i += 1) made[i] = values[i] as number;
  return bytesOf(made);
}

export const wideToRaw = (datatype: WideType, values: readonly bigint[]): Uint8Array =>
  bytesOf((datatype === 'INT64' ? BigInt64Array : BigUint64Array).from(values));

/** The values of raw bytes. INT64 and UINT64 come as bigint. Bytes that lie at an odd place are copied. */
export function fromRaw(datatype: NumberType, data: Uint8Array): ArrayLike<number> | ArrayLike<bigint> {
  const size = ELEMENT_BYTES[datatype];
  const aligned = LITTLE && data.byteOffset % size === 0 ? data : turned(data, size);
  const { buffer, byteOffset } = aligned;
  const length = data.length / size;
  switch (datatype) {
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, length);
    case 'UINT64':
      return new BigUint64Array(buffer, byteOffset, length);
    case 'BF16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, length), fromBfloat16);
    default:
      return new (ARRAYS[datatype] as new (b: ArrayBufferLike, o: number, l: number) => TypedArray)(
        buffer,
        byteOffset,
        length,
      );
  }
}

const bytesOf = (array: TypedArray | BigInt64Array | BigUint64Array): Uint8Array => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return LITTLE ? bytes : turned(bytes, array.BYTES_PER_ELEMENT);
};

/** A copy at an even place, with this machine's order of bytes. */
function turned(data: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(data);
  if (!LITTLE) for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  return copy;
}

const one = new Float32Array(1);
const bits = new Uint32Array(one.buffer);

/** bfloat16 is the upper half of a float32, rounded to nearest even. A NaN stays one. */
function toBfloat16(value: number): number {
  one[0] = value;
  const whole = bits[0] as number;
  if (Number.isNaN(value)) return 0x7fc0;
  return (whole + 0x7fff + ((whole >>> 16) & 1)) >>> 16;
}

function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return one[0] as number;
}
