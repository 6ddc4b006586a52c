/** gRPC for clients, over node:http2: sessions, what is bounded about them, and their end. */
import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
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
/** Pings and answers to them between two looks; a client that takes anything takes more. */
const BESIDE_BYTES = 1024;

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
  const sessions = new Sessions({ unusedMs: settings.timeout_keep_alive * 1000, untakenMs: limits.idleMs });
  const closing = new AbortController();
  server.on('stream', (stream, headers, _flags, rawHeaders) => {
    const isCall = isGrpc(headers['content-type']) && headers[':method'] === 'POST';
    const address = sessions.began(stream, isCall);
    if (!isCall) return notGrpc(stream, headers, rawHeaders);
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

/** Milliseconds. */
interface Patience {
  /** A connection without a call is closed after this. */
  readonly unusedMs: number;
  /** An answer that has been written is given up when its client has not taken all of it for this long. */
  readonly untakenMs: number;
}

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  readonly watch: Watch;
}

class Sessions {
  readonly #patience: Patience;
  readonly #open = new Map<ServerHttp2Session, Connection>();
  #ended: (() => void) | undefined;
  #over = false;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** @param socket its own: the one that a session shows is gone when the session has ended, and may stay open itself */
  add(session: ServerHttp2Session, socket: Socket): void {
    const watch = new Watch(session, socket, this.#patience);
    this.#open.set(session, { socket, address: socket.remoteAddress ?? '', watch });
    session.on('error', () => {}); // 'close' follows
    session.setLocalWindowSize(8 * WINDOW_BYTES);
    session.once('close', () => {
      watch.end();
      this.#open.delete(session);
      if (this.#open.size === 0) this.#ended?.();
    });
    if (this.#over) session.close();
  }

  /** @returns the address of its client */
  began(stream: ServerHttp2Stream, isCall: boolean): string {
    const connection = this.#open.get(stream.session as ServerHttp2Session);
    connection?.watch.began(stream, isCall);
    return connection?.address ?? '';
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
  readonly #patience: Patience;
  readonly #timer: NodeJS.Timeout;
  /** And whether it is a call. */
  readonly #streams = new Map<ServerHttp2Stream, boolean>();
  /** Those whose answer waits for the client, since when. */
  #untaken: ReadonlyMap<ServerHttp2Stream, number> = new Map();
  /** Bytes that the connection had sent at the last look, and when they were last more than pings. */
  #sent = 0;
  #sentAt = 0;
  #unusedSince = performance.now();
  /** `performance.now()` of a ping that nobody has answered. */
  #askedAt: number | undefined;

  constructor(session: ServerHttp2Session, socket: Socket, patience: Patience) {
    this.#session = session;
    this.#socket = socket;
    this.#patience = patience;
    const { unusedMs, untakenMs } = patience;
    this.#timer = setInterval(() => this.#look(performance.now()), Math.min(unusedMs, untakenMs, PING_EVERY_MS));
  }

  /** @param isCall what is none may have a large answer, all of it written at once */
  began(stream: ServerHttp2Stream, isCall: boolean): void {
    this.#streams.set(stream, isCall);
    stream.once('close', () => {
      this.#streams.delete(stream);
      this.#unusedSince = performance.now();
    });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(now: number): void {
    if (this.#session.destroyed) {
      this.#socket.destroy(); // the client was told so, and did not hang up
      return;
    }
    if (this.#streams.size === 0) {
      if (now - this.#unusedSince >= this.#patience.unusedMs) this.#session.close();
      return;
    }
    this.#cutUntaken(now);
    if (this.#askedAt === undefined) {
      this.#askedAt = now;
      this.#session.ping(() => {
        this.#askedAt = undefined;
      });
    } else if (now - this.#askedAt >= PONG_MS) this.#session.destroy();
  }

  /**
   * A small answer is written without waiting, and stays here when HTTP/2's window of its client is full. Of a large one that
   * stays too what the connection sends tells whether any of it goes out: a window that is always full looks the same while it
   * does, and Node's own timeout takes our ping for that.
   */
  #cutUntaken(now: number): void {
    const { bytesWritten } = this.#socket;
    if (bytesWritten - this.#sent > BESIDE_BYTES) this.#sentAt = now;
    this.#sent = bytesWritten;
    const waiting = [...this.#streams.keys()].filter((each) => each.writableEnded && !each.writableFinished);
    this.#untaken = new Map(waiting.map((each) => [each, this.#untaken.get(each) ?? now]));
    for (const [stream, since] of this.#untaken) {
      const from = this.#streams.get(stream) ? since : Math.max(since, this.#sentAt);
      if (now - from < this.#patience.untakenMs) continue;
      if (stream.closed)
        stream.destroy(); // its client reset it without an error: Node waits for what is never sent
      else stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}
