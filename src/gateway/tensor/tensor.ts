/**
 * The one tensor of the gateway: bytes with a datatype and a shape. The bytes are what OIP calls raw: little-endian,
 * row-major, BOOL one byte, BYTES each element behind its length (uint32). They are views and are passed on, not copied.
 */
import { refuse } from '../failure.ts';

/** Bytes of one element; BYTES elements differ. The names are those of the Open Inference Protocol. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: undefined,
} as const satisfies Readonly<Record<string, number | undefined>>;

export type Datatype = keyof typeof ELEMENT_BYTES;

/** A value of `parameters`; integers beyond 2^53 are bigint. */
export type Parameter = boolean | number | bigint | string;
export type Parameters = Readonly<Record<string, Parameter>>;

export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Elements along each axis, outermost first; [] is a scalar. */
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  readonly parameters?: Parameters | undefined;
}

/** What TensorFlow takes; NumPy has 64. Each is a level of nested JSON. */
const MAX_AXES = 254;

export const isDatatype = (text: unknown): text is Datatype =>
  typeof text === 'string' && Object.hasOwn(ELEMENT_BYTES, text);

/** Of one request: messages of two bytes each must not become a heap of objects. */
const MAX_TENSORS = 4_096;

/** Puts one more to the others. @param what they are, e.g. `inputs` @throws Failure 400 when they are too many */
export function pushBounded<T>(others: T[], one: T, what: string): void {
  if (others.length === MAX_TENSORS) throw refuse(`the request has more than ${MAX_TENSORS} ${what}`);
  others.push(one);
}

/** How many elements `shape` holds; 1 for a scalar. */
export const countOf = (shape: readonly number[]): number => shape.reduce((product, each) => product * each, 1);

/**
 * @returns the shape, when it is one: whole numbers from 0 whose product a program can count
 * @throws Failure 400
 */
export function checkedShape(name: string, shape: unknown): readonly number[] {
  if (!Array.isArray(shape)) throw refuse(`tensor "${name}" has no shape: a list of sizes such as [1, 3]`);
  if (shape.length > MAX_AXES) throw refuse(`tensor "${name}" has ${shape.length} axes: at most ${MAX_AXES} are taken`);
  const bad = shape.find((each) => !Number.isSafeInteger(each) || each < 0);
  if (bad !== undefined)
    throw refuse(`tensor "${name}" has ${JSON.stringify(bad)} in its shape: each size is a whole number from 0`);
  if (!Number.isSafeInteger(countOf(shape)))
    throw refuse(`tensor "${name}" of shape [${shape}] has more elements than can be counted`);
  return shape as number[];
}

/** What is wrong with raw bytes that somebody says are this tensor: their number, or how BYTES are cut. */
export function wrongRaw({ name, datatype, shape, data }: Tensor): string | undefined {
  const each = ELEMENT_BYTES[datatype];
  const count = countOf(shape);
  if (each !== undefined) {
    if (data.length === count * each) return undefined;
    return `tensor "${name}" has ${data.length} bytes, but ${datatype} of shape [${shape}] takes ${count * each}`;
  }
  const elements = countElements(data);
  if (elements === undefined)
    return `tensor "${name}" is cut short: a BYTES element is a uint32 length (little-endian), then that many bytes`;
  if (elements === count) return undefined;
  return `tensor "${name}" holds ${elements} BYTES elements, but its shape [${shape}] asks for ${count}`;
}

/** How many elements a BYTES tensor has, without a view of each: of a large body there may be many millions. */
function countElements(data: Uint8Array): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let count = 0;
  let at = 0;
  for (; at + 4 <= data.length; count += 1) at += 4 + view.getUint32(at, true);
  return at === data.length ? count : undefined;
}

/** The elements of a BYTES tensor as views; undefined when the last one is cut short. */
export function bytesElements(data: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + 4 > data.length) return undefined;
    const end = at + 4 + view.getUint32(at, true);
    if (end > data.length) return undefined;
    elements.push(data.subarray(at + 4, end));
    at = end;
  }
  return elements;
}

/** The inverse: each element behind its length. */
export function joinBytes(elements: readonly Uint8Array[]): Uint8Array {
  const data = Buffer.allocUnsafe(elements.reduce((sum, each) => sum + 4 + each.length, 0));
  let at = 0;
  for (const each of elements) {
    data.writeUInt32LE(each.length, at);
    data.set(each, at + 4);
    at += 4 + each.length;
  }
  return data;
}
