/**
 * TensorFlow's DataType and the datatypes of the Open Inference Protocol. What has no counterpart there (complex, quantised,
 * resources, variants, floats of 8 bits, integers of fewer) cannot be a tensor of the gateway; it passes only where
 * TensorFlow Serving is on both sides and nobody looks inside.
 */
import { Failure } from '../failure.ts';
import type { Datatype } from '../tensor/tensor.ts';

const NUMBERS: Readonly<Record<Datatype, number>> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

const DATATYPES = new Map(Object.entries(NUMBERS).map(([datatype, no]) => [no, datatype as Datatype]));

/** By number, as types.proto of TensorFlow 2.21 has them; without the `_REF` ones, which never leave a graph. */
const NAMES = [
  'INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16',
  'UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN FLOAT8_E4M3FNUZ FLOAT8_E4M3B11FNUZ',
  'FLOAT8_E5M2FNUZ INT4 UINT4 INT2 UINT2 FLOAT4_E2M1FN',
]
  .join(' ')
  .split(' ')
  .map((name) => `DT_${name}`);

export const tfNumberOf = (datatype: Datatype): number => NUMBERS[datatype];

/** `DT_FLOAT`, or the number of one that is not known. */
export const tfNameOf = (no: number): string => NAMES[no] ?? `DT_${no}`;

/** In metadata: ours where there is one, else TensorFlow's own name, so that who reads it knows what it is. */
export const shownDatatype = (no: number): string => DATATYPES.get(no) ?? tfNameOf(no);

/** The inverse of `shownDatatype`: the number that `FP32` or `DT_COMPLEX64` stands for; 0 for what is neither. */
export function tfNumberOfShown(shown: string): number {
  const own = Object.hasOwn(NUMBERS, shown) ? NUMBERS[shown as Datatype] : undefined;
  return own ?? Math.max(0, NAMES.indexOf(shown));
}

/** @throws Failure 501 for a type that has no counterpart */
export function datatypeOf(name: string, no: number): Datatype {
  const known = DATATYPES.get(no);
  if (known) return known;
  throw new Failure(501, `tensor "${name}" is ${tfNameOf(no)}, which has no datatype in the Open Inference Protocol`);
}
