/** Messages of a client, whole and unpacked: one, or one after the other. What nobody takes stays at the client by flow control. */
import type { ServerHttp2Stream } from 'node:http2';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { MessageReader } from '../../wire/message-reader.ts';
import { Failure } from '../failure.ts';

const UNPACK = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;
/** What we unpack; answers are never packed. */
export const ENCODINGS = ['identity', 'gzip', 'deflate'];

type Packing = keyof typeof UNPACK | 'identity';

export interface IncomingOptions {
  readonly stream: ServerHttp2Stream;
  /** The request's `grpc-encoding`. */
  readonly encoding: string | undefined;
  /** Of one message, unpacked. */
  readonly maxBytes: number;
  /** Milliseconds that one message may take from its first byte to its last. */
  readonly messageMs: number;
}

/** The client's mistake in how it speaks gRPC; C-core's number for it. */
const broken = (message: string): Failure => new Failure(400, message, { grpc: 13 });
const gone = (): Failure => new Failure(499, 'the client has gone');

export class Incoming {
  readonly #options: IncomingOptions;
  readonly #packing: Packing;
  readonly #reader: MessageReader;
  /** The next byte is the first of a message. */
  #fresh = true;
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
   * All of them, until the client has no more.
   *
   * @param late a message was begun and not ended in time
   * @throws Failure 400, 413, 499
   */
  async *each(late: (failure: Failure) => void): AsyncGenerator<Uint8Array, void, undefined> {
    const { stream, messageMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    // Only what we wait for the client counts: nothing is read while its requests are as many as may be.
    let [leftMs, since] = [messageMs, performance.now()];
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        clearTimeout(timer);
        const messages = this.#cut(chunk as Buffer);
        leftMs = messages.length > 0 || this.#fresh ? messageMs : leftMs - (performance.now() - since);
        for (const message of messages) yield await this.#unpacked(message);
        this.#fresh = this.#reader.atRest;
        since = performance.now();
        if (!this.#fresh) timer = setTimeout(() => late(this.#late()), leftMs);
      }
    } catch (error) {
      throw error instanceof Failure ? error : gone();
    } finally {
      clearTimeout(timer);
    }
    if (stream.aborted) throw gone();
    this.#checkEnd();
  }

  #cut(chunk: Buffer): readonly Uint8Array[] {
    this.bytes += chunk.length;
    const cut = this.#reader.push(chunk);
    if (!('error' in cut)) return cut;
    throw cut.tooLarge ? this.#tooLarge() : broken(`the request is ${cut.error}`);
  }

  #checkEnd(): void {
    if (!this.#reader.atRest) throw broken('the request ended within a message');
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
      `the message has more than ${this.#options.maxBytes} bytes (--grpc_max_receive_message_length)`,
    );
  }

  #late(): Failure {
    return new Failure(408, `the message was not there within ${this.#options.messageMs} ms (--body_timeout_seconds)`);
  }
}
