/**
 * HTTP/1.1 to one address over node:http(s), on connections that are kept. A call has a deadline for all of it, ends when its
 * client is gone, and its answer has a bound; what goes wrong is told by how far it got.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { type Address, formatAddress } from '../../../wire/address.ts';
import type { Dial } from '../../../wire/tls.ts';
import { type AnyLayer, WireError, wireErrorOf } from '../../../wire/wire-error.ts';
import { type Call, leftMs } from '../../protocol/infer.ts';

export interface HttpClientOptions extends Address {
  /** What the peer is called in `Host`. @default the address */
  readonly authority?: string | undefined;
  /** Undefined: no TLS. */
  readonly tls?: Dial | undefined;
  /** Bytes of one answer, or of one event of a stream. */
  readonly maxReplyBytes: number;
  /** Connections at once; more calls wait for one, within their deadline. */
  readonly maxSockets: number;
}

export interface HttpAsk {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Ours; they win over what the client's call forwards. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly parts?: readonly (string | Uint8Array)[];
  readonly call: Call;
  /** May it be sent anew when a kept connection turns out to be closed? */
  readonly repeatable: boolean;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Milliseconds that an idle connection stays; a server that says `Keep-Alive: timeout=…` shortens it. */
const IDLE_MS = 60_000;
const MAX_TIMER_MS = 0x7fffffff;
/** Of the connection, of the body, or of what we can read: a client's own must not reach the predictor. */
const NOT_FORWARDED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'inference-header-content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export class HttpClient {
  readonly target: string;
  readonly #options: HttpClientOptions;
  readonly #kept: HttpAgent;
  /** Connections for one call each. */
  readonly #fresh: HttpAgent;
  #closed = false;

  constructor(options: HttpClientOptions) {
    const { host, port, tls, maxSockets } = options;
    this.target = formatAddress({ host, port });
    this.#options = options;
    const how = { maxSockets, timeout: IDLE_MS };
    const dial = { ...tls, ALPNProtocols: ['http/1.1'] };
    const agent = (keepAlive: boolean) =>
      tls ? new HttpsAgent({ ...how, ...dial, keepAlive }) : new HttpAgent({ ...how, keepAlive });
    this.#kept = agent(true);
    this.#fresh = agent(false);
  }

  /**
   * @returns the answer, whatever its status
   * @throws WireError when there is none
   */
  async ask(ask: HttpAsk): Promise<HttpReply> {
    const response = await this.open(ask);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, body: await this.readAll(response) };
  }

  /**
   * The head of an answer; who gets it reads its body or destroys it. The deadline and the client hold for all of it.
   *
   * @throws WireError
   */
  async open(ask: HttpAsk): Promise<IncomingMessage> {
    try {
      return await this.#send(ask, this.#kept);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      if (!ask.repeatable) throw error.cause;
      return this.#send(ask, this.#fresh);
    }
  }

  /** @throws WireError, `too-large` over the bound */
  async readAll(response: IncomingMessage): Promise<Buffer> {
    const { maxReplyBytes } = this.#options;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      if (Number(response.headers['content-length'] ?? 0) > maxReplyBytes) throw this.tooLarge();
      for await (const chunk of response as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxReplyBytes) throw this.tooLarge();
        chunks.push(chunk);
      }
    } catch (error) {
      response.destroy();
      throw this.errorOf(error, 'http');
    }
    return Buffer.concat(chunks, size);
  }

  tooLarge(): WireError {
    const { maxReplyBytes } = this.#options;
    return new WireError('http', 'too-large', `${this.target} sent more than ${maxReplyBytes} bytes`);
  }

  errorOf(error: unknown, layer: AnyLayer): WireError {
    const { code = '', message = '' } = error as { code?: string; message?: string };
    if (code.startsWith('HPE_'))
      return new WireError('http', 'malformed', `${this.target} does not speak HTTP/1.1 (${message})`, error);
    return wireErrorOf(error, this.target, layer);
  }

  /** Ends the calls under way with reason `closed`; later calls fail so at once. */
  close(): void {
    this.#closed = true;
    this.#kept.destroy();
    this.#fresh.destroy();
  }

  #send(ask: HttpAsk, agent: HttpAgent): Promise<IncomingMessage> {
    if (this.#closed) return Promise.reject(this.#closedError());
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asked = this.#request(ask, agent);
    const stage = stageOf(asked, this.#options);
    let response: IncomingMessage | undefined;
    const failed = (error: unknown) => {
      const known = this.#closed ? this.#closedError() : this.errorOf(error, stage());
      const stale = known.reason === 'reset' && asked.reusedSocket && response === undefined;
      reject(stale ? new StaleConnection(known) : known);
    };
    const stop = (why: WireError) => {
      reject(why);
      (response ?? asked).destroy(why);
    };
    const unbind = bind(ask.call, stop, (ms) => this.#late(stage(), ms), this.target);
    asked.once('response', (given) => {
      response = given;
      resolve(given);
    });
    asked.on('error', failed);
    asked.once('close', () => {
      unbind();
      failed(new Error('closed without an answer'));
    });
    write(asked, ask.parts ?? []);
    return promise;
  }

  #request({ method, path, headers, parts = [], call }: HttpAsk, agent: HttpAgent): ClientRequest {
    const { host, port, authority = this.target, tls } = this.#options;
    const length = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    const forwarded = Object.entries(call.headers).filter(([name]) => !NOT_FORWARDED.has(name));
    const how = {
      host,
      port,
      agent,
      method,
      path,
      headers: {
        ...Object.fromEntries(forwarded),
        ...headers,
        host: authority,
        ...(method === 'POST' ? { 'content-length': length } : {}),
      },
    };
    return tls ? httpsRequest(how) : httpRequest(how);
  }

  #closedError(): WireError {
    return new WireError('http', 'closed', `the connection to ${this.target} was closed here`);
  }

  #late(layer: AnyLayer, ms: number): WireError {
    const what = { dns: 'no address for', tcp: 'no connection to', tls: 'no TLS from' };
    const known = what[layer as keyof typeof what] ?? 'no answer from';
    return new WireError(layer, 'deadline', `${known} ${this.target} within ${Math.round(ms)} ms`);
  }
}

/** A connection that had been kept was closed by the server before a byte of this answer. */
class StaleConnection extends Error {
  override readonly cause: WireError;

  constructor(cause: WireError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Stops the call when its time is over or its client is gone. @returns takes both back */
function bind(call: Call, stop: (why: WireError) => void, late: (ms: number) => WireError, target: string): () => void {
  const ms = leftMs(call);
  const timer = setTimeout(() => stop(late(ms)), Math.min(ms, MAX_TIMER_MS));
  const gone = () => stop(new WireError('http', 'cancelled', `call to ${target} given up`, call.signal.reason));
  call.signal.addEventListener('abort', gone, { once: true });
  if (call.signal.aborted) gone();
  return () => {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', gone);
  };
}

/** How far the call has got: while it waits for a connection nothing of it has been sent. */
function stageOf(asked: ClientRequest, { host, tls }: HttpClientOptions): () => AnyLayer {
  let stage: AnyLayer = 'tcp';
  asked.once('socket', (socket: Socket) => {
    if (!socket.connecting) {
      stage = 'http';
      return;
    }
    stage = isIP(host) === 0 ? 'dns' : 'tcp';
    socket.once('lookup', (error) => {
      if (!error) stage = 'tcp';
    });
    socket.once('connect', () => {
      stage = tls ? 'tls' : 'http';
    });
    socket.once('secureConnect', () => {
      stage = 'http';
    });
  });
  return () => stage;
}

function write(asked: ClientRequest, parts: readonly (string | Uint8Array)[]): void {
  asked.cork();
  for (const part of parts) asked.write(part);
  asked.end();
  asked.uncork();
}
