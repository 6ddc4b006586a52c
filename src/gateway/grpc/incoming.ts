/** Messages of a client, whole and unpacked: one, or one after the other. What nobody takes stays at the client by flow control. */
import type { ServerHttp2Stream } from 'node:http2';
import { promisify } from 'node:util';
import { constants, createGunzip, createInflate, gunzip, inflate } from 'node:zlib';
import { MessageReader } from '../../wire/message-reader.ts';
import { Failure } from '../failure.ts';

const UNPACK = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;
const UNPACK_FIRST = { gzip: createGunzip, deflate: createInflate } as const;
/** What we unpack; answers are never packed. */
export const ENCODINGS = ['identity', 'gzip', 'deflate'];

/** Before each message: whether it is packed, and its length. */
const HEAD_BYTES = 5;
const EMPTY = Buffer.alloc(0);

type Packing = keyof typeof UNPACK | 'identity';

export interface IncomingOptions {
  readonly stream: ServerHttp2Stream;
  /** The request's `grpc-encoding`. */
  readonly encoding: string | undefined;
  /** Of one message, unpacked. */
  readonly maxBytes: number;
  /** That is less than an option says. */
  readonly fixed?: boolean;
  /** Milliseconds that one message may take from its first byte to its last. */
  readonly messageMs: number;
}

/** The client's mistake in how it speaks gRPC; C-core's number for it. */
const broken = (message: string): Failure => new Failure(400, message, { grpc: 13 });
const within = (): Failure => broken('the request ended within a message');
const gone = (): Failure => new Failure(499, 'the client has gone');

export class Incoming {
  readonly #options: IncomingOptions;
  readonly #packing: Packing;
  readonly #reader: MessageReader;
  #chunks: AsyncIterator<Buffer, undefined> | undefined;
  /** Came, and nobody has looked at it. */
  #rest: Buffer = EMPTY;
  /** Of messages, as they came. */
  bytes = 0;

  /** @throws Failure 501 for an encoding that we do not know */
  constructor(options: IncomingOptions) {
    const { encoding = 'identity', maxBytes } = options;
    if (encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding))
      throw new Failure(501, `grpc-encoding "${encoding.slice(0, 40)}" is none of ${ENCODINGS.join(', ')}`);
    this.#options = options;
    this.#packing = encoding as Packing;
    this.#reader = new MessageReader(maxBytes, { packed: encoding !== 'identity' });
  }

  /**
   * The only message of a call.
   *
   * @throws Failure 400, 408 when it is not there in time, 413, 499
   */
  async one(): Promise<Uint8Array> {
    const { stream, messageMs } = this.#options;
    if (stream.closed || stream.destroyed) throw gone();
    const { promise, resolve, reject } = Promise.withResolvers<readonly Uint8Array[]>();
    const timer = setTimeout(() => reject(this.#late()), messageMs);
    const found: Uint8Array[] = [];
    const onData = (chunk: Buffer) => {
      try {
        found.push(...this.#cut(chunk));
        if (found.length > 1) throw broken('the call takes one message, and more came');
      } catch (error) {
        reject(error);
      }
    };
    const onClose = () => reject(gone());
    if (stream.readableEnded) resolve(found); // headers were all
    stream.on('data', onData).once('end', () => resolve(found));
    stream.once('aborted', onClose).once('close', onClose);
    try {
      const [message] = await promise;
      this.#checkEnd();
      if (message === undefined) throw broken('the call takes one message, and none came');
      return await this.#unpacked(message);
    } finally {
      clearTimeout(timer);
      stream.off('data', onData).off('aborted', onClose).off('close', onClose);
    }
  }

  /**
   * Whether another message of several has begun. It stays unread, and its client is held back, until somebody takes it by
   * `next` or `skip`.
   *
   * @throws Failure 499
   */
  async more(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#pull())) return false;
    return true;
  }

  /** That message. @throws Failure 400, 408 when the rest is not there in time, 413, 499 */
  async next(): Promise<Uint8Array> {
    return this.#unpacked(await this.#inTime(this.#taken()));
  }

  /** Lets it pass, and keeps no more than its first bytes, unpacked. @throws as `next` */
  async skip(mostBytes: number): Promise<Uint8Array> {
    const first = await this.#inTime(this.#passed(mostBytes));
    if (this.#packing === 'identity' || !first.packed) return first.bytes;
    return firstUnpacked(UNPACK_FIRST[this.#packing], first.bytes, mostBytes);
  }

  /** Drops what has come and comes: unread, it would keep a call that is over, and a part of its connection's window. */
  leave(): void {
    void this.#chunks?.return?.(); // it would keep the bytes for itself
    this.#options.stream.on('data', () => {});
  }

  async #taken(): Promise<Uint8Array> {
    for (let left = await this.#head(); ; ) {
      const part = this.#rest.subarray(0, left);
      const [message] = this.#cut(part);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      if (message !== undefined) return message;
      if (!(await this.#pull())) throw within();
    }
  }

  async #passed(mostBytes: number): Promise<{ readonly bytes: Buffer; readonly packed: boolean }> {
    const length = await this.#head();
    if (length - HEAD_BYTES > this.#options.maxBytes) throw this.#tooLarge();
    const packed = this.#rest[0] === 1;
    const kept: Buffer[] = [];
    for (let at = 0; at < length; ) {
      if (this.#rest.length === 0 && !(await this.#pull())) throw within();
      const part = this.#rest.subarray(0, length - at);
      this.bytes += part.length;
      this.#rest = this.#rest.subarray(part.length);
      if (at < mostBytes) kept.push(Buffer.from(part.subarray(0, mostBytes - at)));
      at += part.length;
    }
    return { bytes: Buffer.concat(kept).subarray(HEAD_BYTES), packed };
  }

  /** @returns the bytes of the message that begins, with its head, which is there now */
  async #head(): Promise<number> {
    while (this.#rest.length < HEAD_BYTES) {
      const before = this.#rest;
      if (!(await this.#pull())) throw within();
      this.#rest = Buffer.concat([before, this.#rest]);
    }
    return HEAD_BYTES + this.#rest.readUInt32BE(1);
  }

  /** @returns false when the client has no more */
  async #pull(): Promise<boolean> {
    const { stream } = this.#options;
    this.#chunks ??= stream.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
    const { value, done } = await this.#chunks.next().catch(() => {
      throw gone();
    });
    if (done && stream.aborted) throw gone();
    this.#rest = value ?? EMPTY;
    return !done;
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#late()), this.#options.messageMs);
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #cut(chunk: Buffer): readonly Uint8Array[] {
    this.bytes += chunk.length;
    const cut = this.#reader.push(chunk);
    if (!('error' in cut)) return cut;
    throw cut.tooLarge ? this.#tooLarge() : broken(`the request is ${cut.error}`);
  }

  #checkEnd(): void {
    if (!this.#reader.atRest) throw within();
  }

  async #unpacked(message: Uint8Array): Promise<Uint8Array> {
    if (this.#packing === 'identity' || !this.#reader.isPacked(message)) return message;
    try {
      return await UNPACK[this.#packing](message, { maxOutputLength: this.#options.maxBytes });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw this.#tooLarge();
      throw broken(`the message is not ${this.#packing}: ${(cause as Error).message}`);
    }
  }

  #tooLarge(): Failure {
    return new Failure(
      413,
      `the message has more than ${this.#options.maxBytes} bytes${this.#options.fixed ? '' : ' (--grpc_max_receive_message_length)'}`,
    );
  }

  #late(): Failure {
    return new Failure(408, `the message was not there within ${this.#options.messageMs} ms (--body_timeout_seconds)`);
  }
}

/** What few bytes unpack to may be a thousand times as many: no more of it than is wanted is ever made. */
async function firstUnpacked(
  open: typeof createGunzip | typeof createInflate,
  bytes: Uint8Array,
  mostBytes: number,
): Promise<Uint8Array> {
  // What is cut off has no end to be checked.
  const unpacking = open({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: mostBytes });
  unpacking.end(bytes);
  try {
    for await (const first of unpacking) return first; // and the rest is left
  } catch {} // it is not packed as it says
  return EMPTY;
}
