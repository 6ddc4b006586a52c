/**
 * Protobuf as the hot path needs it: a writer into one buffer, with large fields left out of it as parts of their own, and
 * a reader whose fields are views. Whole numbers are JavaScript numbers where they fit, else bigint.
 */
import { WireError } from '../../../wire/wire-error.ts';

const VARINT = 0;
const FIXED64 = 1;
const LEN = 2;
const FIXED32 = 5;

/** Fields of more bytes than this are not copied. */
const PART_BYTES = 4096;

export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];
  #buffer = Buffer.allocUnsafe(512);
  #at = 0;

  /** Proto3 leaves an empty string out. */
  text(no: number, value: string): this {
    return value === '' ? this : this.bytes(no, Buffer.from(value, 'utf8'));
  }

  bytes(no: number, value: Uint8Array): this {
    this.varint(no * 8 + LEN).varint(value.length);
    if (value.length > PART_BYTES) {
      this.#cut();
      this.#parts.push(value);
      return this;
    }
    this.#room(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** A nested message of small fields. */
  message(no: number, write: (to: ProtoWriter) => void): this {
    const nested = new ProtoWriter();
    write(nested);
    return this.bytes(no, Buffer.concat(nested.parts()));
  }

  int64(no: number, value: number | bigint): this {
    return this.varint(no * 8 + VARINT).varint(value);
  }

  bool(no: number, value: boolean): this {
    return this.varint(no * 8 + VARINT).varint(value ? 1 : 0);
  }

  double(no: number, value: number): this {
    this.varint(no * 8 + FIXED64).#room(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
    return this;
  }

  packedInt64(no: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    const nested = new ProtoWriter();
    for (const each of values) nested.varint(each);
    return this.bytes(no, Buffer.concat(nested.parts()));
  }

  varint(value: number | bigint): this {
    this.#room(10);
    if (typeof value === 'bigint' || value < 0 || !Number.isSafeInteger(value)) {
      let big = BigInt.asUintN(64, BigInt(value));
      for (; big > 0x7fn; big >>= 7n) this.#buffer[this.#at++] = Number(big & 0x7fn) | 0x80;
      this.#buffer[this.#at++] = Number(big);
      return this;
    }
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#buffer[this.#at++] = (rest % 128) | 0x80;
    this.#buffer[this.#at++] = rest;
    return this;
  }

  /** The message; write them one after the other. */
  parts(): readonly Uint8Array[] {
    this.#cut();
    return this.#parts;
  }

  #cut(): void {
    if (this.#at === 0) return;
    this.#parts.push(this.#buffer.subarray(0, this.#at));
    this.#buffer = this.#buffer.subarray(this.#at);
    this.#at = 0;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#at, this.#at + bytes, 512));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** What a field holds: a number, or a view of its bytes. */
export type FieldValue = number | bigint | Uint8Array;

const malformed = (what: string): WireError =>
  new WireError('grpc', 'malformed', `a message that is no protobuf: ${what}`);

/**
 * Calls `take` for each field in order.
 *
 * @throws WireError malformed
 */
export function readFields(bytes: Uint8Array, take: (no: number, value: FieldValue, wire: number) => void): void {
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = Number(readVarint(cursor));
    const wire = tag & 7;
    const no = Math.floor(tag / 8);
    if (no === 0) throw malformed('field number 0');
    if (wire === VARINT) take(no, readVarint(cursor), wire);
    else if (wire === LEN) take(no, view(cursor, Number(readVarint(cursor))), wire);
    else if (wire === FIXED64) take(no, view(cursor, 8), wire);
    else if (wire === FIXED32) take(no, view(cursor, 4), wire);
    else throw malformed(`wire type ${wire}`);
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function view(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw malformed(`${length} bytes announced, ${cursor.bytes.length - cursor.at} there`);
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

/** As unsigned. Up to 2^53 a number. */
function readVarint(cursor: Cursor): number | bigint {
  let value = 0;
  let scale = 1;
  const from = cursor.at;
  for (let count = 0; count < 7; count += 1) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw malformed('a number without its end');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  cursor.at = from;
  let big = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw malformed('a number without its end');
    big |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return fitting(BigInt.asUintN(64, big));
  }
  throw malformed('a number of more than 10 bytes');
}

const fitting = (big: bigint): number | bigint => (big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : big);

/** A varint as int64: what came as more than 2^63 is negative. */
export function signed(value: FieldValue): number | bigint {
  if (typeof value === 'number') return value;
  const big = BigInt.asIntN(64, bigOf(value));
  return big >= -BigInt(Number.MAX_SAFE_INTEGER) && big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : big;
}

export const bigOf = (value: FieldValue): bigint => (value instanceof Uint8Array ? 0n : BigInt(value));

export const textOf = (value: FieldValue): string =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8') : '';

export const bytesOf = (value: FieldValue): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array(0));

/** The values of a repeated varint field, packed or one at a time. */
export function varints(value: FieldValue): readonly (number | bigint)[] {
  if (!(value instanceof Uint8Array)) return [value];
  const cursor = { bytes: value, at: 0 };
  const all: (number | bigint)[] = [];
  while (cursor.at < value.length) all.push(readVarint(cursor));
  return all;
}

export const doubleOf = (value: FieldValue): number =>
  value instanceof Uint8Array && value.length === 8
    ? new DataView(value.buffer, value.byteOffset, 8).getFloat64(0, true)
    : 0;
