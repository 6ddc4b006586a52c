/** InferTensorContents, the typed lists of OIP, as raw bytes. A packed list of floats is raw bytes already. */
import { type NumberType, toRaw, wideToRaw } from '../../tensor/numbers.ts';
import type { Datatype } from '../../tensor/tensor.ts';
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

export const rawOfContents = (datatype: Datatype, contents: Uint8Array): Uint8Array =>
  rawOfList(datatype, contents, FIELD[datatype] ?? 0);

/**
 * The values of the repeated field `no`, packed or one at a time. What a client sends one at a time may be many millions of
 * values, so none of them is kept as a view of its own.
 */
export function rawOfList(datatype: Datatype, message: Uint8Array, no: number): Uint8Array {
  const each = (take: (value: FieldValue) => void) =>
    readFields(message, (field, value) => {
      if (field === no) take(value);
    });
  if (datatype === 'BYTES' || datatype === 'FP32' || datatype === 'FP64') return joined(each, datatype === 'BYTES');
  let values: (number | bigint)[] = [];
  each((value) => {
    const some = varints(value);
    if (values.length === 0) values = some.slice();
    else for (const one of some) values.push(one);
  });
  switch (datatype) {
    case 'BOOL':
      return Uint8Array.from(values, (one) => (Number(one) === 0 ? 0 : 1));
    case 'INT64':
      return wideToRaw(
        'INT64',
        values.map((one) => BigInt(signed(one))),
      );
    case 'UINT64':
      return wideToRaw('UINT64', values.map(bigOf));
    default:
      return toRaw(
        datatype as NumberType,
        values.map((one) => Number(signed(one))),
      );
  }
}

/** All one after the other, behind their lengths where they have them; what is one piece is not copied. */
function joined(each: (take: (value: FieldValue) => void) => void, withLength: boolean): Uint8Array {
  const before = withLength ? 4 : 0;
  let [count, size] = [0, 0];
  let last: Uint8Array = new Uint8Array(0);
  each((value) => {
    last = bytesOf(value);
    count += 1;
    size += before + last.length;
  });
  if (count === 1 && !withLength) return last;
  const data = Buffer.allocUnsafe(size);
  let at = 0;
  each((value) => {
    const bytes = bytesOf(value);
    if (withLength) data.writeUInt32LE(bytes.length, at);
    data.set(bytes, at + before);
    at += before + bytes.length;
  });
  return data;
}
