/** Nested lists, as V1 and generate have them: which shape they are, and back. */
import { refuse } from '../failure.ts';
import { rawOfJson } from '../tensor/from-json.ts';
import { type Datatype, isDatatype, type Tensor } from '../tensor/tensor.ts';
import type { TensorMetadata } from './infer.ts';

/** @throws Failure 400 when rows differ in length */
export function shapeOf(name: string, value: unknown): readonly number[] {
  if (!Array.isArray(value)) return [];
  const [first, ...rest] = value.map((each) => shapeOf(name, each));
  const ragged = rest.some(
    (shape) => shape.length !== first?.length || shape.some((size, axis) => size !== first[axis]),
  );
  if (ragged) throw refuse(`"${name}": the lists in it differ in length, so they are no tensor`);
  return [value.length, ...(first ?? [])];
}

/** The tensor that `value` is for this input: missing axes are of size 1, in front or behind. */
export function tensorOf({ name, datatype, shape }: TensorMetadata, value: unknown, pad: 'front' | 'behind'): Tensor {
  if (!isDatatype(datatype)) throw refuse(`input "${name}" has the datatype ${datatype}, which is not known`);
  const own = shapeOf(name, value);
  const ones = Array.from({ length: Math.max(0, shape.length - own.length) }, () => 1);
  const full = pad === 'front' ? [...ones, ...own] : [...own, ...ones];
  const data = rawOfJson({ name, datatype, shape: full }, Array.isArray(value) ? value : [value]);
  return { name, datatype, shape: full, data };
}

/**
 * The tensor that `value` looks like, where nobody says its datatype: whole numbers are INT64, others FP64, texts BYTES.
 *
 * @param value of `parseAsWritten`
 * @throws Failure 400 when it is of several kinds, or of none that a tensor has
 */
export function guessedTensor(name: string, value: unknown): Tensor {
  const kinds = new Set<Datatype | undefined>();
  eachOf(value, (each) => kinds.add(kindOf(each)));
  if (kinds.has('FP64')) kinds.delete('INT64');
  const [datatype = 'FP64', ...more] = kinds;
  if (more.length > 0 || kinds.has(undefined))
    throw refuse(`"${name}" is no tensor: its values are not all numbers, all texts or all booleans`);
  const plain = datatype === 'FP64' ? eachOf(value, Number) : value;
  return tensorOf({ name, datatype, shape: [] }, plain, 'front');
}

function eachOf(value: unknown, work: (each: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map((each) => eachOf(each, work)) : work(value);
}

function kindOf(value: unknown): Datatype | undefined {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? 'INT64' : 'FP64';
  if (typeof value === 'number') return 'FP64';
  if (typeof value === 'boolean') return 'BOOL';
  return typeof value === 'string' || value instanceof Uint8Array ? 'BYTES' : undefined;
}

/** Flat values as nested lists of `shape`. */
export function nest(values: readonly unknown[], shape: readonly number[]): unknown {
  const [size, ...rest] = shape;
  if (size === undefined) return values[0];
  if (rest.length === 0) return values;
  const each = values.length / size || 0;
  return Array.from({ length: size }, (_, at) => nest(values.slice(at * each, (at + 1) * each), rest));
}
