/** One call and its answer: who asks, until when, whether the client is still there, and how messages and the status are written. */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { frameHead } from '../../wire/frame.ts';
import { writeMessage } from '../../wire/grpc-stream.ts';
import { Failure } from '../failure.ts';
import type { Call } from '../protocol/infer.ts';
import { type Caller, forwarded } from '../request.ts';
import { ENCODINGS, Incoming } from './incoming.ts';
import { percentEncoded, timeoutMs } from './metadata.ts';

/** A message in parts that are not copied. */
export type Parts = readonly Uint8Array[];

export interface GrpcLimits {
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  /** Milliseconds for a message of the client, from its first byte to its last. */
  readonly messageMs: number;
  /** Milliseconds for the client to take something of an answer that it does not take at once. */
  readonly idleMs: number;
}

export interface GrpcExchangeOptions {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Of the client. */
  readonly address: string;
  readonly limits: GrpcLimits;
  /** Aborted when the server closes: a call without an end of its own ends then. */
  readonly closing: AbortSignal;
}

/** Written at once; more is written in steps, so that one can see whether the client takes any. */
const STEP_BYTES = 1024 * 1024;

export class GrpcExchange implements Caller {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  readonly closing: AbortSignal;
  readonly startedAt = performance.now();
  sentBytes = 0;
  /** Of HTTP, as everywhere in metrics and audit; the gRPC one is in the trailers. */
  status = 200;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: GrpcLimits;
  readonly #gone = new AbortController();
  #incoming: Incoming | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  /** Somebody writes a large message, and nobody may come between. */
  #turn: Promise<void> | undefined;

  constructor({ stream, headers, address, limits, closing }: GrpcExchangeOptions) {
    this.#stream = stream;
    this.headers = headers;
    this.address = address;
    this.#limits = limits;
    this.closing = closing;
    const onClose = () => {
      if (!this.#trailers) this.#gone.abort(left());
      this.#incoming?.leave();
    };
    stream.on('error', () => {}); // 'close' follows
    stream.once('aborted', onClose).once('close', onClose);
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get receivedBytes(): number {
    return this.#incoming?.bytes ?? 0;
  }

  call(ourMs: number, forward: readonly string[]): Call {
    const deadlineAt = this.startedAt + Math.min(ourMs, timeoutMs(this.headers['grpc-timeout']));
    return { deadlineAt, signal: this.gone, headers: forwarded(this.headers, forward) };
  }

  /**
   * The client's messages, each of so many bytes at most; nothing of them is read before this.
   *
   * @throws Failure 501, or why the call is over
   */
  incoming(mostBytes = this.#limits.maxReceiveBytes): Incoming {
    this.gone.throwIfAborted();
    const encoding = this.headers['grpc-encoding'];
    this.#incoming ??= new Incoming({
      stream: this.#stream,
      encoding: encoding === undefined ? undefined : String(encoding),
      maxBytes: Math.min(mostBytes, this.#limits.maxReceiveBytes),
      fixed: mostBytes < this.#limits.maxReceiveBytes,
      messageMs: this.#limits.messageMs,
    });
    return this.#incoming;
  }

  /**
   * The one message of a unary call, and OK. Resolves when the client has taken enough of it that the rest costs little.
   *
   * @throws Failure 413, 408 when the client takes nothing · 499 when it went meanwhile
   */
  async answer(message: Parts): Promise<void> {
    const large = this.#sizeOf(message) > STEP_BYTES;
    if (large) await this.#writeInSteps(message);
    const room = large || this.#write(message);
    this.end();
    if (!room) await this.#taken('finish');
  }

  /**
   * Messages of a stream, written together. Resolves when there is room for more.
   *
   * @throws Failure 413, 408 when the client takes nothing · 499
   */
  async send(messages: readonly Parts[]): Promise<void> {
    const large = messages.some((each) => this.#sizeOf(each) > STEP_BYTES);
    while (this.#turn) await this.#turn.catch(() => {});
    if (this.gone.aborted) throw this.gone.reason;
    if (this.#trailers || messages.length === 0) return;
    if (large) {
      this.#turn = this.#allInSteps(messages).finally(() => {
        this.#turn = undefined;
      });
      return this.#turn;
    }
    this.#stream.cork();
    const rooms = messages.map((each) => this.#write(each));
    this.#stream.uncork();
    if (!rooms.at(-1)) await this.#taken('drain');
  }

  /** OK, or another status behind what was sent. */
  end(status = 0, message = ''): void {
    if (this.#trailers) return;
    this.#trailers = trailersOf(status, message);
    if (this.#stream.closed || this.#stream.destroyed) return;
    this.#begin();
    this.#stream.end();
  }

  /** A client that is gone is told nothing. */
  fail({ status, grpc, message, retryAfter }: Failure): void {
    this.status = status;
    if (this.#trailers || this.#stream.closed || this.#stream.destroyed) return;
    const pushback = retryAfter === undefined ? {} : { 'grpc-retry-pushback-ms': String(retryAfter * 1000) };
    const accepts = grpc === 12 ? { 'grpc-accept-encoding': ENCODINGS.join() } : {};
    this.#trailers = { ...trailersOf(grpc, message), ...pushback, ...accepts };
    if (this.#stream.headersSent) {
      this.#stream.end(); // and the trailers when that is written
    } else {
      this.#stream.respond({ ...HEAD, ...this.#trailers }, { endStream: true });
      this.#leaveUnread();
    }
  }

  /** The call ends now, whatever is under way for it. */
  abandon(failure: Failure): void {
    this.fail(failure);
    this.#gone.abort(failure);
  }

  /**
   * What the client still sends is not worth waiting for. It sees the status and stops; one that does not is stopped, but
   * not at once: a reset overtakes a status that waits to be sent.
   */
  #leaveUnread(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    if (this.#incoming) this.#incoming.leave();
    else stream.resume(); // unread bytes keep a closed stream alive
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), FAREWELL_MS);
    stream.once('close', () => clearTimeout(timer));
  }

  #sizeOf(message: Parts): number {
    const { maxSendBytes: most } = this.#limits;
    const bytes = message.reduce((sum, part) => sum + part.length, 0);
    this.sentBytes += bytes;
    if (bytes <= most) return bytes;
    const words = `the answer has ${bytes} bytes, over ${most} (--grpc_max_send_message_length)`;
    throw new Failure(500, words, { grpc: 8 });
  }

  #begin(): void {
    if (this.#stream.headersSent) return;
    this.#stream.respond(HEAD, { waitForTrailers: true });
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(this.#trailers ?? trailersOf(2, ''));
      this.#leaveUnread();
    });
  }

  #write(message: Parts): boolean {
    if (this.#stream.closed || this.#stream.destroyed) return true;
    this.#begin();
    return writeMessage(this.#stream, message);
  }

  async #allInSteps(messages: readonly Parts[]): Promise<void> {
    for (const each of messages) await this.#writeInSteps(each);
  }

  /** Node writes what waits as one, and nobody sees how much of that is gone. */
  async #writeInSteps(message: Parts): Promise<void> {
    const length = message.reduce((sum, part) => sum + part.length, 0);
    if (this.#stream.closed || this.#stream.destroyed) throw left();
    this.#begin();
    for (const part of [frameHead(length), ...message])
      for (let at = 0; at < part.length; at += STEP_BYTES) {
        if (this.#stream.closed || this.#stream.destroyed) throw left();
        if (!this.#stream.write(part.subarray(at, at + STEP_BYTES))) await this.#taken('drain');
      }
  }

  /** The client takes what waits for it, or goes, or does neither for too long. */
  async #taken(event: 'drain' | 'finish'): Promise<void> {
    const stream = this.#stream;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { idleMs } = this.#limits;
    const late = () => reject(new Failure(408, `the client took no answer within ${idleMs} ms (${IDLE_FLAG})`));
    const timer = setTimeout(late, idleMs);
    const onClose = () => reject(left());
    stream.once(event, resolve).once('close', onClose);
    if (stream.destroyed) onClose();
    try {
      await promise;
    } catch (error) {
      stream.close(constants.NGHTTP2_CANCEL); // a status behind what nobody reads would not be read either
      throw error;
    } finally {
      clearTimeout(timer);
      stream.off(event, resolve).off('close', onClose);
    }
  }
}

const FAREWELL_MS = 1_000;
const IDLE_FLAG = '--stream_idle_timeout_seconds';
const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

const left = (): Failure => new Failure(499, 'the client has gone');

const trailersOf = (status: number, message: string): OutgoingHttpHeaders =>
  message === ''
    ? { 'grpc-status': String(status) }
    : { 'grpc-status': String(status), 'grpc-message': percentEncoded(message) };
