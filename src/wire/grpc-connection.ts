/**
 * Unary gRPC over node:http2 as raw bytes: no generated code, no channel states, no dependency.
 *
 * For probes, Ray's GCS and the gateway's hot path. A call never hangs: each has its own timer beside `grpc-timeout`, and a
 * session whose peer was silent all the time until a deadline, or for a while, is left: the next call dials afresh (grpc-js keeps a
 * channel that is stuck in CONNECTING: grpc-node#2785). Only a call the peer refused unprocessed (RST REFUSED_STREAM, or a
 * GOAWAY before it) is sent again, once: that is safe for any method.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { type Address, formatAddress } from './address.ts';
import { type GrpcStatus, grpcTimeout, STATUS, statusOf, statusOfHttp } from './frame.ts';
import { cutOff, GrpcStream, writeMessage } from './grpc-stream.ts';
import { Limit } from './limit.ts';
import { MessageReader } from './message-reader.ts';
import { isSilent, openSession, type Session } from './session.ts';
import type { Dial } from './tls.ts';
import { WireError, wireErrorOf } from './wire-error.ts';

export interface GrpcCall {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The encoded request message, whole or in parts that are not copied; absent: an empty one. */
  readonly request?: Uint8Array | readonly Uint8Array[];
  /** Lower-case names, text values. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Milliseconds for everything: name, connection, request, reply. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** What the peer answered. `body` is the encoded reply message, empty unless `status` is 0. */
export interface GrpcReply extends GrpcStatus {
  readonly body: Uint8Array;
}

export interface GrpcConnectionOptions extends Address {
  /** Bytes of one reply. @default 4 MiB, as gRPC's own libraries have it */
  readonly maxReplyBytes?: number;
  /** What a peer may send of one stream before it is read. @default 4 MiB, room for a tensor */
  readonly windowBytes?: number;
  /** @default none */
  readonly tls?: Dial | undefined;
  /** What the peer is called in the calls, for proxies that go by it. @default the address */
  readonly authority?: string | undefined;
}

const EMPTY = new Uint8Array(0);

/** One peer, one HTTP/2 session at a time. Dials on the first call, and again when the session is gone. */
export class GrpcConnection {
  readonly #address: Address;
  readonly #maxReplyBytes: number;
  readonly #windowBytes: number | undefined;
  readonly #tls: Dial | undefined;
  readonly #authority: string;
  #session: Session | undefined;
  #closed = false;

  constructor({ host, port, maxReplyBytes = 4 * 1024 * 1024, windowBytes, tls, authority }: GrpcConnectionOptions) {
    this.#address = { host, port };
    this.#maxReplyBytes = maxReplyBytes;
    this.#windowBytes = windowBytes;
    this.#tls = tls;
    // A zone id means nothing to the peer (RFC 6874).
    this.#authority = (authority ?? this.target).replace(/%[^\]]*/, '');
  }

  get target(): string {
    return formatAddress(this.#address);
  }

  /**
   * @returns the peer's answer, whatever its gRPC status
   * @throws WireError when there is none: `layer` and `reason` say how far the call got
   */
  async call(call: GrpcCall): Promise<GrpcReply> {
    const limit = new Limit();
    let session = this.#ready();
    const startedAt = performance.now();
    const late = () => limit.reach(this.#late(session, call.deadlineMs));
    const timer = setTimeout(late, Math.min(Math.max(call.deadlineMs, 0), 0x7fffffff));
    const cancel = () =>
      limit.reach(new WireError('grpc', 'cancelled', `call to ${this.target} given up`, call.signal?.reason));
    call.signal?.addEventListener('abort', cancel, { once: true });
    if (call.signal?.aborted) cancel();
    try {
      return await this.#exchange(session, call, limit).catch((error) => {
        if (!(error instanceof WireError && error.reason === 'unprocessed')) throw error;
        session = this.#ready();
        return this.#exchange(session, call, limit);
      });
    } catch (error) {
      const missed = error instanceof WireError && error.reason === 'deadline' && session.heardAt() <= startedAt;
      if (missed || (limit.reached && isSilent(session, startedAt))) this.#giveUp(session);
      throw wireErrorOf(error, this.target, session.stage());
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', cancel);
    }
  }

  /**
   * Opens a streaming call; `request`, if given, is its first message. The deadline and the signal hold for all of it.
   *
   * @throws WireError when the peer cannot be reached; what happens later is told by the stream
   */
  async stream(call: GrpcCall): Promise<GrpcStream> {
    try {
      return await this.#openStream(call);
    } catch (error) {
      if (!(error instanceof WireError && error.reason === 'unprocessed')) throw error;
      return this.#openStream(call);
    }
  }

  async #openStream(call: GrpcCall): Promise<GrpcStream> {
    const limit = new AbortController();
    const session = this.#ready();
    const startedAt = performance.now();
    const late = () => limit.abort(this.#late(session, call.deadlineMs));
    const timer = setTimeout(late, Math.min(Math.max(call.deadlineMs, 0), 0x7fffffff));
    const cancel = () =>
      limit.abort(new WireError('grpc', 'cancelled', `call to ${this.target} given up`, call.signal?.reason));
    call.signal?.addEventListener('abort', cancel, { once: true });
    if (call.signal?.aborted) cancel();
    const over = () => {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', cancel);
    };
    try {
      const http2 = await abortable(session.open, limit.signal);
      limit.signal.throwIfAborted(); // since then
      const raw = open(http2, call, this.#who());
      const stream = new GrpcStream(raw, session, this.#maxReplyBytes);
      raw.once('close', over);
      const leave = () => {
        stream.cancel(limit.signal.reason as WireError);
        if (isSilent(session, startedAt)) this.#giveUp(session);
      };
      limit.signal.addEventListener('abort', leave, { once: true });
      if (call.request) void stream.send(partsOf(call.request));
      return stream;
    } catch (error) {
      over();
      if (error instanceof WireError && error.reason === 'deadline') this.#giveUp(session);
      throw wireErrorOf(error, this.target, session.stage());
    }
  }

  /** Ends the calls under way with reason `closed`; later calls fail so at once. */
  close(): void {
    this.#closed = true;
    this.#session?.destroy(this.#closedError());
    this.#session = undefined;
  }

  #ready(): Session {
    if (this.#closed) throw this.#closedError();
    if (!this.#session?.usable()) this.#session = openSession(this.#address, this.#windowBytes, this.#tls);
    return this.#session;
  }

  #who(): Who {
    return { target: this.target, authority: this.#authority };
  }

  #closedError(): WireError {
    return new WireError('grpc', 'closed', `the connection to ${this.target} was closed here`);
  }

  #late(session: Session, deadlineMs: number): WireError {
    const layer = session.stage();
    const what = {
      dns: 'no address for',
      tcp: 'no connection to',
      tls: 'no TLS from',
      http2: 'no HTTP/2 from',
      grpc: 'no answer from',
    };
    return new WireError(layer, 'deadline', `${what[layer]} ${this.target} within ${deadlineMs} ms`);
  }

  /** Not destroyed while it may still carry another call: a slow one must not take a good one with it. */
  #giveUp(session: Session): void {
    if (this.#session === session) this.#session = undefined;
    if (session.stage() === 'grpc') session.retire();
    else session.destroy(new WireError(session.stage(), 'deadline', `${this.target} was given up`));
  }

  async #exchange(session: Session, call: GrpcCall, limit: Limit): Promise<GrpcReply> {
    const http2 = await limit.within(session.open);
    if (limit.reached) throw limit.reached;
    const stream = request(http2, call, this.#who());
    try {
      return await readReply(stream, session, this.#maxReplyBytes, limit);
    } catch (error) {
      stream.close(constants.NGHTTP2_CANCEL);
      throw error;
    }
  }
}

/** The peer in our messages, and in the calls. */
interface Who {
  readonly target: string;
  readonly authority: string;
}

function request(http2: ClientHttp2Session, call: GrpcCall, who: Who): ClientHttp2Stream {
  const stream = open(http2, call, who);
  stream.cork();
  writeMessage(stream, partsOf(call.request));
  stream.end();
  stream.uncork();
  return stream;
}

const partsOf = (request: GrpcCall['request'] = EMPTY): readonly Uint8Array[] =>
  request instanceof Uint8Array ? [request] : request;

function open(http2: ClientHttp2Session, call: GrpcCall, { target, authority }: Who): ClientHttp2Stream {
  if (http2.closed || http2.destroyed)
    throw new WireError('http2', 'unprocessed', `${target} is closing the connection`);
  return http2.request({
    ':method': 'POST',
    ':path': call.path,
    ':scheme': http2.encrypted ? 'https' : 'http',
    ':authority': authority,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': grpcTimeout(call.deadlineMs),
    ...call.metadata,
  });
}

/** The whole reply of one stream; bounded. */
function readReply(
  stream: ClientHttp2Stream,
  session: Session,
  maxReplyBytes: number,
  limit: Limit,
): Promise<GrpcReply> {
  const { promise, resolve, reject } = Promise.withResolvers<GrpcReply>();
  limit.onReached(reject);
  const target = formatAddress(session.address);
  const reader = new MessageReader(maxReplyBytes);
  const messages: Uint8Array[] = [];
  let wrong: string | undefined;
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (given) => {
    session.heard();
    headers = given;
  });
  stream.on('trailers', (given) => {
    trailers = given;
  });
  stream.on('data', (chunk: Buffer) => {
    session.heard();
    if (wrong) return;
    const cut = reader.push(chunk);
    if (!('error' in cut)) messages.push(...cut);
    else if (cut.tooLarge) reject(new WireError('grpc', 'too-large', `${target} sent ${cut.error}`));
    else wrong = cut.error; // a proxy's page, perhaps: the end tells
  });
  const settle = () => {
    const status = statusOf(trailers) ?? statusOf(headers);
    if (status === undefined) return;
    if (status.status !== STATUS.ok) return resolve({ ...status, body: EMPTY });
    const [body, ...more] = messages;
    if (body && !wrong && more.length === 0 && reader.atRest) return resolve({ ...status, body });
    wrong ??= body ? 'more than one message' : 'a reply without a whole message';
    reject(new WireError('grpc', 'malformed', `${target} sent ${wrong}`));
  };
  stream.on('end', settle);
  let error: unknown;
  stream.on('error', (given) => {
    error = given; // 'close' follows
  });
  stream.on('close', () => {
    const http = Number(headers[':status'] ?? 0);
    if (http !== 0 && stream.rstCode === 0) resolve({ ...statusOfHttp(http), body: EMPTY });
    // A stream ends before its session says why: wait for that.
    else setImmediate(() => reject(cutOff(stream, session, error)));
  });
  return promise;
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
