/**
 * Protobuf as far as probes need it: a walker for replies we read a few fields of, a writer for requests with a name.
 *
 * Unknown fields are skipped, a field of another wire type counts as unknown, the last of a repeated scalar wins: the
 * rules of the encoding (protobuf.dev/programming-guides/encoding). Every input ends in a value or a `ProtobufError`.
 */

/** The bytes are no valid message: truncated, an impossible tag, or nested too deep. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Ray nests 3 deep, TensorFlow Serving 3; more than this is not a reply of theirs. */
const MAX_DEPTH = 16;

const WIRE = { varint: 0, fixed64: 1, len: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

type Value = bigint | Uint8Array;

/** One decoded message. Getters give protobuf's default ('' 0 false undefined) for a field that is absent. */
export class Message {
  readonly #fields: ReadonlyMap<number, readonly Field[]>;
  readonly #depth: number;

  constructor(fields: ReadonlyMap<number, readonly Field[]>, depth: number) {
    this.#fields = fields;
    this.#depth = depth;
  }

  string(field: number): string {
    return UTF8.decode(this.bytes(field));
  }

  bytes(field: number): Uint8Array {
    return (this.#last(field, WIRE.len) as Uint8Array | undefined) ?? EMPTY;
  }

  /** int32, int64, uint32, uint64, bool and enum. Numbers over 2^53 lose their last bits. */
  int(field: number): number {
    return Number(BigInt.asIntN(64, (this.#last(field, WIRE.varint) as bigint | undefined) ?? 0n));
  }

  bool(field: number): boolean {
    return this.int(field) !== 0;
  }

  double(field: number): number {
    const raw = this.#last(field, WIRE.fixed64) as Uint8Array | undefined;
    return raw ? new DataView(raw.buffer, raw.byteOffset, 8).getFloat64(0, true) : 0;
  }

  message(field: number): Message | undefined {
    const raw = this.#last(field, WIRE.len) as Uint8Array | undefined;
    return raw && decode(raw, this.#depth + 1);
  }

  messages(field: number): Message[] {
    const all = this.#fields.get(field) ?? [];
    return all.filter(({ wire }) => wire === WIRE.len).map(({ value }) => decode(value as Uint8Array, this.#depth + 1));
  }

  #last(field: number, wire: number): Value | undefined {
    return this.#fields.get(field)?.findLast((each) => each.wire === wire)?.value;
  }
}

interface Field {
  readonly wire: number;
  readonly value: Value;
}

const EMPTY = new Uint8Array(0);
const UTF8 = new TextDecoder();

/** @throws ProtobufError when `bytes` is not a message; nested messages are looked at when they are asked for */
export const decodeMessage = (bytes: Uint8Array): Message => decode(bytes, 0);

function decode(bytes: Uint8Array, depth: number): Message {
  if (depth > MAX_DEPTH) throw new ProtobufError(`nested more than ${MAX_DEPTH} deep`);
  const fields = new Map<number, Field[]>();
  const cursor = { bytes, at: 0 };
  let groups = 0;
  while (cursor.at < bytes.length) {
    const tag = readVarint(cursor);
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (number < 1 || number > 0x1fffffff) throw new ProtobufError(`field number ${number} at byte ${cursor.at}`);
    if (wire === WIRE.groupStart) groups += 1;
    else if (wire === WIRE.groupEnd) groups -= 1;
    else {
      const value = readValue(cursor, wire);
      if (groups === 0) (fields.get(number) ?? fields.set(number, []).get(number)!).push({ wire, value });
    }
    if (groups < 0 || groups > MAX_DEPTH) throw new ProtobufError(`unbalanced group at byte ${cursor.at}`);
  }
  if (groups > 0) throw new ProtobufError('truncated in a group');
  return new Message(fields, depth);
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function readValue(cursor: Cursor, wire: number): Value {
  if (wire === WIRE.varint) return readVarint(cursor);
  if (wire === WIRE.fixed64) return take(cursor, 8);
  if (wire === WIRE.fixed32) return take(cursor, 4);
  if (wire === WIRE.len) return take(cursor, Number(readVarint(cursor)));
  throw new ProtobufError(`wire type ${wire} at byte ${cursor.at}`);
}

function readVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) throw new ProtobufError(`truncated number at byte ${cursor.at}`);
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new ProtobufError(`a number of more than 10 bytes at byte ${cursor.at}`);
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length)
    throw new ProtobufError(`truncated: ${length} bytes wanted at byte ${cursor.at} of ${cursor.bytes.length}`);
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

/** A string field; proto3 leaves an empty one out. `field` is 1-15, all our requests need. */
export const stringField = (field: number, value: string): Uint8Array =>
  value === '' ? EMPTY : bytesField(field, new TextEncoder().encode(value));

/** A nested message (or bytes) field; written even when empty, for an empty message says "present". */
export function bytesField(field: number, value: Uint8Array): Uint8Array {
  if (field < 1 || field > 15) throw new RangeError(`field ${field} needs a tag of more than one byte`);
  const length: number[] = [];
  let rest = value.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Uint8Array.of((field << 3) | WIRE.len, ...length), value]);
}
