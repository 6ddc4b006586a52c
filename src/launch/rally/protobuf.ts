/** The wire format of Protocol Buffers: tags, varints, lengths. Knows no message. */

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Bytes that are no message of ours. What a peer sent is its fault, never a bug here. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

export class Writer {
  readonly #parts: Uint8Array[] = [];

  uint(no: number, value: number): this {
    this.#parts.push(Uint8Array.from([...varint(no * 8 + WIRE.varint), ...varint(value)]));
    return this;
  }

  bytes(no: number, value: Uint8Array): this {
    this.#parts.push(Uint8Array.from([...varint(no * 8 + WIRE.bytes), ...varint(value.length)]), value);
    return this;
  }

  packed(no: number, values: readonly number[]): this {
    return this.bytes(no, Uint8Array.from(values.flatMap(varint)));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** @param value an integer from 0 to 2^53 - 1 */
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return out;
}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  tag(): { no: number; wire: number } {
    const tag = this.#varint();
    const no = Math.floor(tag / 8);
    if (no === 0) throw new MalformedMessage('field number 0');
    return { no, wire: tag % 8 };
  }

  uint(wire: number): number {
    expect(wire, WIRE.varint);
    return this.#varint();
  }

  /** A copy, so that a kept field does not keep the whole message alive. */
  bytes(wire: number): Buffer {
    expect(wire, WIRE.bytes);
    return Buffer.from(this.#take(this.#varint()));
  }

  text(wire: number): string {
    expect(wire, WIRE.bytes);
    return this.#take(this.#varint()).toString('utf8');
  }

  skip(wire: number): void {
    if (wire === WIRE.varint) this.#varint();
    else if (wire === WIRE.fixed64) this.#take(8);
    else if (wire === WIRE.bytes) this.#take(this.#varint());
    else if (wire === WIRE.fixed32) this.#take(4);
    else throw new MalformedMessage(`wire type ${wire}`);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length)
      throw new MalformedMessage(`${length} bytes announced, ${this.#bytes.length - this.#at} there`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; scale *= 128, count += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new MalformedMessage('a number without its end');
      this.#at += 1;
      value += (byte % 128) * scale;
      if (byte < 128) return safe(value);
    }
    throw new MalformedMessage('a number of more than 10 bytes');
  }
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new MalformedMessage('a number above 2^53');
  return value;
}

function expect(wire: number, wanted: number): void {
  if (wire !== wanted) throw new MalformedMessage(`wire type ${wire} where ${wanted} belongs`);
}
