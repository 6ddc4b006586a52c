/**
 * Cuts the bytes of a gRPC stream into messages. Pure but for its own state.
 *
 * A message that lies within one chunk is a view of it; one that spans chunks gets its memory once, from the length in its
 * head, and only as far as bytes have come: a peer that announces much and sends little costs little.
 */
const HEAD_BYTES = 5;
/** What is set aside before the bytes of a large message have come; more follows by doubling. */
const FIRST_BYTES = 1024 * 1024;

export type Cut = readonly Uint8Array[] | { readonly error: string; readonly tooLarge: boolean };

export class MessageReader {
  readonly #maxBytes: number;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #body: Buffer | undefined;
  #length = 0;
  #filled = 0;
  readonly #mayBePacked: boolean;
  readonly #packed = new WeakSet<Uint8Array>();

  /**
   * @param maxBytes of one message, as it is sent
   * @param packed whether the peer has said how it compresses, so that a message may be compressed
   */
  constructor(maxBytes: number, { packed = false } = {}) {
    this.#maxBytes = maxBytes;
    this.#mayBePacked = packed;
  }

  /** Whether a message that `push` gave is compressed. */
  isPacked(message: Uint8Array): boolean {
    return this.#packed.has(message);
  }

  /** True between two messages: the stream may end here. */
  get atRest(): boolean {
    return this.#headBytes === 0;
  }

  /** @returns the messages that `chunk` completes, or what is wrong; nothing may be pushed after that */
  push(chunk: Buffer): Cut {
    const whole: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#headBytes < HEAD_BYTES) {
        const taken = chunk.copy(this.#head, this.#headBytes, at);
        this.#headBytes += taken;
        at += taken;
        if (this.#headBytes < HEAD_BYTES) break;
        const wrong = this.#begin();
        if (wrong) return wrong;
      }
      const missing = this.#length - this.#filled;
      if (!this.#body && chunk.length - at >= missing) {
        whole.push(this.#marked(chunk.subarray(at, at + missing)));
        at += missing;
        this.#headBytes = 0;
        continue;
      }
      const taken = this.#append(chunk.subarray(at, at + missing));
      at += taken;
      if (this.#filled < this.#length || !this.#body) continue;
      whole.push(this.#marked(this.#body.subarray(0, this.#length)));
      this.#body = undefined;
      this.#headBytes = 0;
    }
    if (this.#headBytes === HEAD_BYTES && this.#length === 0 && at === chunk.length) {
      whole.push(this.#marked(new Uint8Array(0))); // an empty message whose head ended the chunk
      this.#headBytes = 0;
    }
    return whole;
  }

  #begin(): { error: string; tooLarge: boolean } | undefined {
    const flag = this.#head[0] ?? 0;
    if (flag > 1) return { error: `a message with the flag ${flag}, which is none`, tooLarge: false };
    if (flag === 1 && !this.#mayBePacked) return { error: 'a compressed message nobody asked for', tooLarge: false };
    this.#length = this.#head.readUInt32BE(1);
    this.#filled = 0;
    if (this.#length <= this.#maxBytes) return undefined;
    return { error: `a message of ${this.#length} bytes, over the limit of ${this.#maxBytes}`, tooLarge: true };
  }

  #marked(message: Uint8Array): Uint8Array {
    if (this.#head[0] === 1) this.#packed.add(message);
    return message;
  }

  #append(part: Buffer): number {
    const needed = this.#filled + part.length;
    this.#body ??= Buffer.allocUnsafe(Math.min(this.#length, Math.max(FIRST_BYTES, needed)));
    if (needed > this.#body.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#length, Math.max(needed, 2 * this.#body.length)));
      this.#body.copy(larger, 0, 0, this.#filled);
      this.#body = larger;
    }
    part.copy(this.#body, this.#filled);
    this.#filled = needed;
    return part.length;
  }
}
