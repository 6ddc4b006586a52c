/**
 * One streaming gRPC call: messages out when asked, messages in as they come. What nobody takes holds the peer back by
 * HTTP/2's own window, so a slow reader costs one window and no more.
 */
import { type ClientHttp2Stream, constants, type Http2Stream, type IncomingHttpHeaders } from 'node:http2';
import { formatAddress } from './address.ts';
import { frameHead, type GrpcStatus, statusOf, statusOfHttp } from './frame.ts';
import { MessageReader } from './message-reader.ts';
import type { Session } from './session.ts';
import { WireError, wireErrorOf } from './wire-error.ts';

/** Bytes of whole messages that may wait for their reader before the stream is paused. */
const WAITING_BYTES = 64 * 1024;

/**
 * Iterate it once: each step gives all messages that have come since the last one. It ends when the peer has said its
 * status, which `status` then holds, whatever it is; it throws a WireError when there is none.
 */
export class GrpcStream implements AsyncIterable<readonly Uint8Array[]> {
  readonly #stream: ClientHttp2Stream;
  readonly #session: Session;
  readonly #reader: MessageReader;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders = {};
  #ended: GrpcStatus | WireError | undefined;
  #wrong: WireError | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: ClientHttp2Stream, session: Session, maxMessageBytes: number) {
    this.#stream = stream;
    this.#session = session;
    this.#reader = new MessageReader(maxMessageBytes);
    let error: unknown;
    stream.on('response', (headers) => {
      session.heard();
      this.#headers = headers;
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', (given) => {
      error = given; // 'close' follows
    });
    stream.on('end', () => {
      const status = statusOf(this.#trailers) ?? statusOf(this.#headers);
      if (status) this.#end(status.status === 0 ? this.#restOf(status) : status);
    });
    stream.on('close', () => {
      const http = Number(this.#headers[':status'] ?? 0);
      if (http !== 0 && stream.rstCode === 0) this.#end(statusOfHttp(http));
      // A stream ends before its session says why: wait for that.
      else setImmediate(() => this.#end(cutOff(stream, session, error)));
    });
  }

  /** What the peer said at the end; undefined before. */
  get status(): GrpcStatus | undefined {
    return this.#ended instanceof WireError ? undefined : this.#ended;
  }

  /** One message, in parts that are not copied. The promise resolves when there is room for another. */
  send(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableEnded) return Promise.resolve();
    return writeMessage(this.#stream, parts)
      ? Promise.resolve()
      : new Promise((resolve) => {
          const done = () => {
            this.#stream.off('drain', done).off('close', done);
            resolve();
          };
          this.#stream.on('drain', done).on('close', done);
        });
  }

  /** No more messages from here. */
  finish(): void {
    this.#stream.end();
  }

  /** Tells the peer that nobody wants the rest. The reader, if it still reads, gets `why`. */
  cancel(why: WireError): void {
    this.#end(why);
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.resume(); // unread bytes keep a closed stream alive
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Uint8Array[], void, undefined> {
    try {
      while (true) {
        if (this.#waiting.length > 0) {
          const batch = this.#waiting;
          this.#waiting = [];
          this.#waitingBytes = 0;
          if (this.#stream.isPaused()) this.#stream.resume();
          yield batch;
        } else if (this.#ended instanceof WireError) throw this.#ended;
        else if (this.#ended) return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      if (!this.#ended) {
        this.cancel(new WireError('grpc', 'cancelled', `the stream from ${this.#target} was left`));
      }
    }
  }

  get #target(): string {
    return formatAddress(this.#session.address);
  }

  #take(chunk: Buffer): void {
    this.#session.heard();
    if (this.#ended || this.#wrong) return;
    const cut = this.#reader.push(chunk);
    if ('error' in cut) {
      this.#wrong = new WireError(
        'grpc',
        cut.tooLarge ? 'too-large' : 'malformed',
        `${this.#target} sent ${cut.error}`,
      );
      // What is malformed may be a proxy's page: its end tells.
      if (cut.tooLarge) this.cancel(this.#wrong);
      return;
    }
    for (const message of cut) {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
    }
    if (this.#waitingBytes > WAITING_BYTES) this.#stream.pause();
    if (cut.length > 0) this.#wake?.();
  }

  #restOf(status: GrpcStatus): GrpcStatus | WireError {
    if (this.#wrong) return this.#wrong;
    return this.#reader.atRest ? status : new WireError('grpc', 'malformed', `${this.#target} ended within a message`);
  }

  #end(how: GrpcStatus | WireError): void {
    this.#ended ??= how;
    this.#wake?.();
  }
}

/** @returns false when the stream wants its writer to wait for `drain` */
export function writeMessage(stream: Http2Stream, parts: readonly Uint8Array[]): boolean {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  stream.cork();
  let room = stream.write(frameHead(length));
  for (const part of parts) if (part.length > 0) room = stream.write(part);
  stream.uncork();
  return room;
}

/** Why a stream closed without a status. Its own error is nghttp2's ("Protocol error") or the socket's. */
export function cutOff({ rstCode }: ClientHttp2Stream, session: Session, error: unknown): WireError {
  const target = formatAddress(session.address);
  const words = `${target} cut the call (HTTP/2 code ${rstCode})`;
  if (rstCode === constants.NGHTTP2_REFUSED_STREAM) return new WireError('http2', 'unprocessed', words);
  const failure = session.failure();
  if (failure) return failure;
  const ofStream = error === undefined || (error as { code?: string }).code === 'ERR_HTTP2_STREAM_ERROR';
  return ofStream ? new WireError(session.stage(), 'reset', words) : wireErrorOf(error, target, session.stage());
}
