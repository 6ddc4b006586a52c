/** InferTensorContents, the typed lists of OIP, as raw bytes. A packed list of floats is raw bytes already. */
import { type NumberType, toRaw, wideToRaw } from '../../tensor/numbers.ts';
import { type Datatype, joinBytes } from '../../tensor/tensor.ts';
import { bigOf, bytesOf, type FieldValue, readFields, signed, varints } from './wire-format.ts';

/** Which field of InferTensorContents holds each datatype. FP16 and BF16 have none: they come raw only. */
export const FIELD: Readonly<Partial<Record<Datatype, number>>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

export function rawOfContents(datatype: Datatype, contents: Uint8Array): Uint8Array {
  const found: FieldValue[] = [];
  readFields(contents, (no, value) => {
    if (no === FIELD[datatype]) found.push(value);
  });
  return rawOfList(datatype, found);
}

/** The values of one repeated field, packed or one at a time. */
export function rawOfList(datatype: Datatype, found: readonly FieldValue[]): Uint8Array {
  switch (datatype) {
    case 'BYTES':
      return joinBytes(found.map(bytesOf));
    case 'FP32':
    case 'FP64':
      return found.length === 1 ? bytesOf(found[0] as FieldValue) : Buffer.concat(found.map(bytesOf));
    case 'BOOL':
      return Uint8Array.from(found.flatMap(varints), (each) => (Number(each) === 0 ? 0 : 1));
    case 'INT64':
      return wideToRaw(
        'INT64',
        found.flatMap(varints).map((each) => BigInt(signed(each))),
      );
    case 'UINT64':
      return wideToRaw('UINT64', found.flatMap(varints).map(bigOf));
    default:
      return toRaw(
        datatype as NumberType,
        found.flatMap(varints).map((each) => Number(signed(each))),
      );
  }
}
