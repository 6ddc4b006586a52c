/** gRPC for clients, over node:http2: sessions, what is bounded about them, and their end. */
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { GatewayContext } from '../context.ts';
import { GrpcExchange, type GrpcLimits } from './exchange.ts';
import { isGrpc } from './metadata.ts';
import type { Methods } from './methods.ts';

export interface GrpcServer {
  /** A connection whose client speaks HTTP/2. */
  readonly take: (socket: Socket) => void;
  /** Clients are told to go elsewhere with their next call (GOAWAY); what is under way goes on. */
  drain(): void;
  /** The same, and calls without an end of their own end now. Resolves when no connection is left. */
  close(): Promise<void>;
  /** Cuts what is left. */
  cut(): void;
}

/** Who answers a request over HTTP/2 that is no gRPC call. */
export type NotGrpc = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: string[]) => void;

/** Calls of one connection at once; its client waits with more. */
const MAX_STREAMS = 1_024;
/** What a client may send of one call before somebody reads it: at most so much for each call that waits to be admitted. */
const WINDOW_BYTES = 1024 * 1024;
/** A tensor in few frames. */
const FRAME_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** Node refuses new calls when those of a connection hold more; what is under way is bounded by admission. */
const SESSION_MEGABYTES = 4_096;
/** A connection with calls on it is asked so often whether anybody is there, and cut when no answer comes for as long. */
const PING_EVERY_MS = 30_000;
const PONG_MS = 29_000;

export function openGrpc(context: GatewayContext, methods: Methods, notGrpc: NotGrpc = refuseOthers): GrpcServer {
  const { settings } = context;
  const limits: GrpcLimits = {
    maxReceiveBytes: settings.grpc_max_receive_message_length,
    maxSendBytes: settings.grpc_max_send_message_length,
    messageMs: settings.body_timeout_seconds * 1000,
    idleMs: settings.stream_idle_timeout_seconds * 1000,
  };
  const server = createServer({
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      maxFrameSize: FRAME_BYTES,
      maxHeaderListSize: MAX_HEADER_BYTES,
    },
    maxHeaderListPairs: MAX_HEADERS,
    maxSessionMemory: SESSION_MEGABYTES,
  });
  const sessions = new Sessions(settings.timeout_keep_alive * 1000);
  const closing = new AbortController();
  server.on('stream', (stream, headers, _flags, rawHeaders) => {
    if (!isGrpc(headers['content-type']) || headers[':method'] !== 'POST') return notGrpc(stream, headers, rawHeaders);
    const address = sessions.addressOf(stream.session);
    const exchange = new GrpcExchange({ stream, headers, address, limits, closing: closing.signal });
    void methods.answer(context, String(headers[':path']), exchange);
  });
  return {
    take: (socket) => {
      socket.allowHalfOpen = false; // a port for both lets HTTP/1.1 do so; here who hangs up is gone
      server.once('session', (session) => sessions.add(session, socket)); // at once
      server.emit('connection', socket);
    },
    drain: () => sessions.close(),
    close: () => {
      closing.abort();
      return sessions.end();
    },
    cut: () => sessions.cut(),
  };
}

/** gRPC over HTTP/2 says 415 for another content type. */
const refuseOthers: NotGrpc = (stream) => {
  stream.on('error', () => {});
  if (stream.closed || stream.destroyed) return; // what came in the same packet has ended it
  stream.respond({ ':status': 415, 'content-type': 'text/plain' });
  stream.end('this port speaks gRPC: POST with content-type application/grpc\n');
  stream.resume();
};

class Sessions {
  readonly #idleMs: number;
  readonly #open = new Map<ServerHttp2Session, { readonly socket: Socket; readonly address: string }>();
  #ended: (() => void) | undefined;
  #over = false;

  /** @param idleMs an unused connection is closed after this */
  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** @param socket its own: the one that a session shows is gone when the session has ended, and may stay open itself */
  add(session: ServerHttp2Session, socket: Socket): void {
    this.#open.set(session, { socket, address: socket.remoteAddress ?? '' });
    session.on('error', () => {}); // 'close' follows
    session.setLocalWindowSize(8 * WINDOW_BYTES);
    const watch = new Watch(session, socket, this.#idleMs);
    session.on('stream', (stream) => watch.began(stream));
    session.once('close', () => {
      watch.end();
      this.#open.delete(session);
      if (this.#open.size === 0) this.#ended?.();
    });
    if (this.#over) session.close();
  }

  addressOf(session: unknown): string {
    return this.#open.get(session as ServerHttp2Session)?.address ?? '';
  }

  close(): void {
    for (const session of this.#open.keys()) session.close();
  }

  end(): Promise<void> {
    this.#over = true;
    this.close();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  cut(): void {
    for (const [session, { socket }] of this.#open) {
      session.destroy();
      socket.destroy();
    }
  }
}

/** Whether one connection is used, and whether anybody is at its other end. One timer, for calls come by the thousand. */
class Watch {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #idleMs: number;
  readonly #timer: NodeJS.Timeout;
  #streams = 0;
  #idleSince = performance.now();
  /** `performance.now()` of a ping that nobody has answered. */
  #askedAt: number | undefined;

  constructor(session: ServerHttp2Session, socket: Socket, idleMs: number) {
    this.#session = session;
    this.#socket = socket;
    this.#idleMs = idleMs;
    this.#timer = setInterval(() => this.#look(), Math.min(idleMs, PING_EVERY_MS));
  }

  began(stream: ServerHttp2Stream): void {
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
      this.#idleSince = performance.now();
    });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#session.destroyed) {
      this.#socket.destroy(); // the client was told so, and did not hang up
      return;
    }
    if (this.#streams === 0) {
      if (performance.now() - this.#idleSince >= this.#idleMs) this.#session.close();
      return;
    }
    const now = performance.now();
    if (this.#askedAt === undefined) {
      this.#askedAt = now;
      this.#session.ping(() => {
        this.#askedAt = undefined;
      });
    } else if (now - this.#askedAt >= PONG_MS) this.#session.destroy();
  }
}
