/** One request and its answer: who asks, until when, whether the client is still there, and how an answer is written. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure, refuse } from '../failure.ts';
import type { Call } from '../protocol/infer.ts';
import { errorReply, type Reply } from '../protocol/reply.ts';
import { type Caller, forwarded } from '../request.ts';

export class Exchange implements Caller {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client goes before its answer is written. */
  readonly gone: AbortSignal;
  readonly startedAt = performance.now();
  receivedBytes = 0;
  sentBytes = 0;
  readonly #refuse: (failure: Failure) => Reply;

  /** @param refuse how the API that was asked says no */
  constructor(request: IncomingMessage, response: ServerResponse, refuse: (failure: Failure) => Reply = errorReply) {
    this.#refuse = refuse;
    this.request = request;
    this.response = response;
    const gone = new AbortController();
    this.gone = gone.signal;
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new Failure(499, 'the client has gone'));
    });
  }

  get headers(): IncomingMessage['headers'] {
    return this.request.headers;
  }

  get address(): string {
    return this.request.socket.remoteAddress ?? '';
  }

  get status(): number {
    return this.response.statusCode;
  }

  fail(failure: Failure): void {
    this.send(this.#refuse(failure));
  }

  call(timeoutMs: number, forward: readonly string[]): Call {
    const { headers } = this.request;
    const asked = headers[DEADLINE_HEADER];
    const ownMs = asked === undefined ? timeoutMs : Number(asked);
    if (!(ownMs > 0))
      throw refuse(`${DEADLINE_HEADER} is "${String(asked).slice(0, 40)}", not a number of milliseconds`);
    return {
      deadlineAt: this.startedAt + Math.min(timeoutMs, ownMs),
      signal: this.gone,
      headers: forwarded(headers, forward),
    };
  }

  /** Writes a whole answer. To a client that is gone it writes nothing. */
  send({ status, type, headers = {}, parts }: Reply): void {
    const { request, response } = this;
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) {
      response.destroy(); // half an answer must not look like a whole one
      return;
    }
    const length = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    response.writeHead(status, {
      'content-type': type,
      'content-length': length,
      'x-content-type-options': 'nosniff',
      ...headers,
      // A large body nobody reads is not worth its connection.
      ...(request.httpVersionMajor > 1 || request.readableEnded || !this.#unreadIsLarge()
        ? {}
        : { connection: 'close' }),
    });
    this.sentBytes = length;
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.cork();
    for (const part of parts) response.write(part);
    response.end();
    response.uncork();
  }

  #unreadIsLarge(): boolean {
    const { 'content-length': length, 'transfer-encoding': encoding } = this.request.headers;
    return encoding !== undefined || Number(length ?? 0) > DISCARD_BYTES;
  }
}

/** Envoy's and Istio's name for what the caller will wait, in milliseconds. */
export const DEADLINE_HEADER = 'x-envoy-expected-rq-timeout-ms';
/** What Node may read and forget to keep a connection. */
const DISCARD_BYTES = 1024 * 1024;
