/**
 * TensorProto of TensorFlow ↔ the gateway's tensor. Values go out as `tensor_content`, which is raw bytes; texts have only a list
 * of their own. They come in either form: TensorFlow Serving answers with typed lists unless it is told otherwise.
 */
import { refuse } from '../failure.ts';
import {
  bytesElements,
  checkedShape,
  countOf,
  type Datatype,
  ELEMENT_BYTES,
  joinBytes,
  type Tensor,
  wrongRaw,
} from '../tensor/tensor.ts';
import { rawOfList } from '../upstream/oip/contents.ts';
import { bytesOf, ProtoWriter, readFields, signed } from '../upstream/oip/wire-format.ts';
import { datatypeOf, tfNumberOf } from './datatypes.ts';

/** A message as parts that are written one after the other. */
export type Parts = readonly Uint8Array[];

const EMPTY = new Uint8Array(0);
const LEN = 2;

/** A nested message whose parts are not copied. */
export function nested(no: number, parts: Parts): Parts {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [
    ...new ProtoWriter()
      .varint(no * 8 + LEN)
      .varint(length)
      .parts(),
    ...parts,
  ];
}

const DTYPE = 1;
const SHAPE = 2;
const CONTENT = 4;

/** The list that holds each datatype's values; of halves their bits. */
const LIST: Readonly<Record<Datatype, number>> = {
  FP32: 5,
  FP64: 6,
  INT32: 7,
  INT16: 7,
  INT8: 7,
  UINT8: 7,
  UINT16: 7,
  BYTES: 8,
  INT64: 10,
  BOOL: 11,
  FP16: 13,
  BF16: 13,
  UINT32: 16,
  UINT64: 17,
};

export function writeTensor({ datatype, shape, data }: Tensor): Parts {
  const to = new ProtoWriter().int64(DTYPE, tfNumberOf(datatype)).message(SHAPE, (dims) => writeShape(dims, shape));
  if (datatype === 'BYTES') for (const each of bytesElements(data) ?? []) to.bytes(LIST.BYTES, each);
  else if (data.length > 0) to.bytes(CONTENT, data);
  return to.parts();
}

/** TensorShapeProto; -1 is any size. */
export function writeShape(to: ProtoWriter, shape: readonly number[]): void {
  for (const size of shape) to.message(2, (dim) => dim.int64(1, size));
}

export interface ReadShape {
  readonly shape: readonly number[];
  readonly unknownRank: boolean;
}

export function readShape(bytes: Uint8Array): ReadShape {
  const shape: number[] = [];
  let unknownRank = false;
  readFields(bytes, (no, value) => {
    if (no === 2) shape.push(readSize(bytesOf(value)));
    else if (no === 3) unknownRank = Number(value) !== 0;
  });
  return { shape, unknownRank };
}

function readSize(bytes: Uint8Array): number {
  let size = 0;
  readFields(bytes, (no, value) => {
    if (no === 1) size = Number(signed(value));
  });
  return size;
}

/** TensorFlow's own limit; what walks along the axes may go as deep. */
const MAX_RANK = 254;

/**
 * @param maxBytes of its values: a list of one value may stand for any number of them
 * @throws Failure 400, or 501 for a datatype without counterpart · WireError malformed
 */
export function readTensor(name: string, bytes: Uint8Array, maxBytes: number): Tensor {
  let [dtype, dims, content]: [number, ReadShape, Uint8Array] = [0, { shape: [], unknownRank: false }, EMPTY];
  readFields(bytes, (no, value) => {
    if (no === DTYPE) dtype = Number(value);
    else if (no === SHAPE) dims = readShape(bytesOf(value));
    else if (no === CONTENT) content = bytesOf(value);
  });
  if (dims.unknownRank) throw refuse(`tensor "${name}" has values, but its shape says that its rank is unknown`);
  if (dims.shape.length > MAX_RANK)
    throw refuse(`tensor "${name}" has ${dims.shape.length} axes; there are ${MAX_RANK} at most`);
  const [datatype, shape] = [datatypeOf(name, dtype), checkedShape(name, dims.shape)];
  const described = { name, datatype, shape };
  const data = content.length > 0 ? ofContent(described, content) : ofList(described, bytes, maxBytes);
  const tensor = { ...described, data };
  const wrong = wrongRaw(tensor);
  if (wrong) throw refuse(wrong);
  return tensor;
}

type Described = Pick<Tensor, 'name' | 'datatype' | 'shape'>;

/** Raw bytes are a view. Texts are their lengths as varints, then all of them. */
function ofContent({ name, datatype, shape }: Described, content: Uint8Array): Uint8Array {
  if (datatype !== 'BYTES') return content;
  const count = countOf(shape);
  let at = 0;
  const nextLength = (): number => {
    let [length, scale, byte] = [0, 1, 0x80];
    for (; byte >= 0x80 && at < content.length; scale *= 128) {
      byte = content[at++] as number;
      length += (byte & 0x7f) * scale;
    }
    if (byte >= 0x80) throw refuse(`tensor "${name}" is cut short within the lengths of its texts`);
    return length;
  };
  let size = 0;
  for (let i = 0; i < count; i += 1) size += nextLength();
  let from = at;
  if (from + size !== content.length)
    throw refuse(`tensor "${name}" has ${content.length} bytes, but its texts take ${from + size}`);
  const data = Buffer.allocUnsafe(4 * count + size);
  at = 0;
  for (let [i, to] = [0, 0]; i < count; i += 1) {
    const length = nextLength();
    data.writeUInt32LE(length, to);
    data.set(content.subarray(from, from + length), to + 4);
    from += length;
    to += 4 + length;
  }
  return data;
}

/** What a text costs us, however short it is. */
const TEXT_BYTES = 256;

/**
 * A list may be shorter than the tensor: the last value then stands for the rest, and no value for zeros. That is how
 * TensorFlow writes constants.
 */
function ofList(described: Described, message: Uint8Array, maxBytes: number): Uint8Array {
  const { name, datatype, shape } = described;
  const count = countOf(shape);
  const tooLarge = () =>
    refuse(`tensor "${name}" of shape [${shape}] stands for more than ${maxBytes} bytes beyond what it brings`);
  const listed = datatype === 'FP16' || datatype === 'BF16' ? 'UINT16' : datatype;
  const given = rawOfList(listed, message, LIST[datatype]);
  if (datatype === 'BYTES') {
    const { texts, last } = countTexts(given);
    if (texts >= count) return given;
    if ((count - texts) * (TEXT_BYTES + last.length) > maxBytes) throw tooLarge();
    return Buffer.concat([given, joinBytes(Array<Uint8Array>(count - texts).fill(last))]);
  }
  const size = ELEMENT_BYTES[datatype];
  if (given.length >= count * size || given.length % size !== 0) return given;
  if (count * size > maxBytes) throw tooLarge();
  const all = Buffer.alloc(count * size);
  all.set(given);
  if (given.length > 0) all.fill(given.subarray(-size), given.length);
  return all;
}

function countTexts(data: Uint8Array): { readonly texts: number; readonly last: Uint8Array } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let [texts, from, at] = [0, 0, 0];
  for (; at < data.length; texts += 1) {
    from = at + 4;
    at = from + view.getUint32(at, true);
  }
  return { texts, last: data.subarray(from, at) };
}
