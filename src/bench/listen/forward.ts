/** Passes requests on as they came, and answers back: gRPC over HTTP/2 with its trailers, and HTTP/1.1. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { PassThrough } from 'node:stream';
import { reasonOf } from '../../errors.ts';
import { type Address, formatAddress } from '../../wire/address.ts';
import { openSession, type Session } from '../../wire/session.ts';
import type { Dial } from '../../wire/tls.ts';
import { WireError } from '../../wire/wire-error.ts';
import { dialOf } from '../exchange.ts';
import type { Upstreams } from '../settings.ts';

export class GrpcForward {
  readonly #address: Address;
  readonly #tls: Dial | undefined;
  #session: Session | undefined;

  constructor({ grpc, tls }: Upstreams) {
    this.#address = grpc;
    this.#tls = dialOf({ address: grpc, tls });
  }

  /** At once, for others read the stream too: what came before somebody listened would be lost. */
  async pass(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const body = new PassThrough();
    stream.on('error', () => undefined); // 'close' follows
    stream.pipe(body);
    try {
      const session = await this.#ready().open;
      if (stream.destroyed) return;
      const forward = session.request({ ...headers, ':authority': formatAddress(this.#address) }, { endStream: false });
      body.pipe(forward);
      join(stream, forward);
    } catch (error) {
      unavailable(stream, reasonOf(error));
    }
  }

  close(): void {
    this.#session?.destroy(new WireError('grpc', 'closed', 'closed here'));
  }

  #ready(): Session {
    if (!this.#session?.usable()) this.#session = openSession(this.#address, undefined, this.#tls);
    return this.#session;
  }
}

function join(stream: ServerHttp2Stream, forward: ClientHttp2Stream): void {
  let trailers: OutgoingHttpHeaders = {};
  let wrong: unknown;
  forward.on('response', (headers, flags) => {
    const { [constants.HTTP2_HEADER_CONNECTION]: _, ...passed } = headers;
    if (stream.destroyed) return;
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) stream.respond(passed, { endStream: true });
    else {
      stream.respond(passed, { waitForTrailers: true });
      stream.once('wantTrailers', () => {
        if (!stream.closed) stream.sendTrailers(trailers);
      });
      forward.pipe(stream);
    }
  });
  forward.on('trailers', (given) => {
    trailers = given;
  });
  forward.on('error', (error) => {
    wrong = error;
  });
  forward.once('close', () => {
    if (stream.destroyed || stream.writableFinished) return;
    if (!stream.headersSent) unavailable(stream, wrong ? reasonOf(wrong) : 'the predictor cut the call');
    else if (forward.rstCode !== 0) stream.close(forward.rstCode);
  });
  stream.once('close', () => {
    if (!forward.closed) forward.close(constants.NGHTTP2_CANCEL);
  });
}

const unavailable = (stream: ServerHttp2Stream, why: string): void => {
  if (stream.destroyed || stream.headersSent) return;
  const status = { 'grpc-status': '14', 'grpc-message': encodeURIComponent(why) };
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
  stream.resume();
};

export class HttpForward {
  readonly #address: Address;
  readonly #tls: Dial | undefined;
  readonly #agent: HttpAgent;

  constructor(address: Address, { tls }: Upstreams) {
    this.#address = address;
    this.#tls = dialOf({ address, tls });
    const dial = { ...this.#tls, ALPNProtocols: ['http/1.1'], keepAlive: true };
    this.#agent = tls ? new HttpsAgent(dial) : new HttpAgent({ keepAlive: true });
  }

  pass(request: IncomingMessage, response: ServerResponse): void {
    const { connection: _, ...headers } = request.headers;
    const { method = 'GET', url: path = '/' } = request;
    const how = { ...this.#address, agent: this.#agent, method, path };
    const ask = this.#tls ? httpsRequest : httpRequest;
    const forward = ask({ ...how, headers: { ...headers, host: formatAddress(this.#address) } }, (answer) => {
      const { connection: __, 'keep-alive': ___, ...back } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, back);
      answer.once('error', () => response.destroy());
      answer.pipe(response);
    });
    forward.on('error', (error) => {
      if (response.headersSent) return void response.destroy();
      response.writeHead(502, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: `the predictor: ${reasonOf(error)}` }));
    });
    response.once('close', () => forward.destroy());
    request.pipe(forward);
  }

  close(): void {
    this.#agent.destroy();
  }
}
