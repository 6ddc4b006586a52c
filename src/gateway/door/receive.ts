/**
 * Who gets a connection: TLS first where it is on, then HTTP/1.1 or HTTP/2 by what was agreed (ALPN), or by the first bytes.
 * A client that does not say what it wants is not waited for long.
 */
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { ListeningTls } from './tls-files.ts';

type Take = (socket: Socket) => void;

export interface ReceiveOptions {
  readonly tls: ListeningTls | undefined;
  /** Undefined: not spoken on this port. */
  readonly http1: Take | undefined;
  readonly http2: Take | undefined;
  /** Milliseconds for TLS, or for the first bytes. */
  readonly firstMs: number;
}

export interface Receiver {
  readonly take: Take;
  /** Hangs up on those that have not said yet what they want. */
  cut(): void;
}

export function receiver(options: ReceiveOptions): Receiver {
  const undecided = new Undecided(options.firstMs);
  const take = options.tls ? overTls(options.tls, options, undecided) : plainly(options, undecided);
  return {
    take: (socket) => {
      socket.on('error', () => {}); // 'close' follows
      undecided.add(socket);
      take(socket);
    },
    cut: () => undecided.cut(),
  };
}

/** Connections that nobody has yet. By address, for what TLS gives is another object. */
class Undecided {
  readonly #ms: number;
  readonly #sockets = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>();

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(socket: Socket): void {
    const name = nameOf(socket);
    this.#sockets.set(name, { socket, timer: setTimeout(() => socket.destroy(), this.#ms) });
    socket.once('close', () => {
      if (this.#sockets.get(name)?.socket === socket) this.decided(name);
    });
  }

  decided(name: string): void {
    clearTimeout(this.#sockets.get(name)?.timer);
    this.#sockets.delete(name);
  }

  cut(): void {
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

function plainly({ http1, http2 }: ReceiveOptions, undecided: Undecided): Take {
  return (socket) => {
    const name = nameOf(socket); // a socket that is closed has none
    onBeginning(socket, (beginning) => {
      const take = { http1, http2, tls: undefined }[beginning];
      if (take) {
        undecided.decided(name);
        take(socket);
      } else if (beginning === 'http1') socket.end(ONLY_HTTP2);
      else socket.destroy();
      if (beginning === 'http1') socket.resume(); // it reads by events; HTTP/2 takes the socket as it is
    });
  };
}

const WORDS = 'this port speaks gRPC (HTTP/2)\n';
const ONLY_HTTP2 = `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: ${WORDS.length}\r\nconnection: close\r\n\r\n${WORDS}`;

type Beginning = 'http1' | 'http2' | 'tls';

/** The first of what every HTTP/2 client sends (RFC 9113, 3.4); no method of HTTP/1.1 is spelled so. */
const PREFACE = Buffer.from('PRI *');
/** A TLS record that holds a handshake (RFC 8446, 5.1). */
const HANDSHAKE = 22;

/** Undefined: more is needed to tell. */
function beginningOf(bytes: Buffer): Beginning | undefined {
  if (bytes[0] === HANDSHAKE) return 'tls';
  const length = Math.min(bytes.length, PREFACE.length);
  if (!bytes.subarray(0, length).equals(PREFACE.subarray(0, length))) return 'http1';
  return length === PREFACE.length ? 'http2' : undefined;
}

/** Puts back what it has read; the socket is paused then. */
function onBeginning(socket: Socket, decided: (beginning: Beginning) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const beginning = beginningOf(seen);
    if (!beginning) return;
    socket.off('data', onData);
    socket.pause();
    socket.unshift(seen);
    decided(beginning);
  };
  socket.on('data', onData);
}

function overTls(tls: ListeningTls, { http1, http2, firstMs }: ReceiveOptions, undecided: Undecided): Take {
  let used = tls.context();
  const server = createServer({
    ...used,
    requestCert: tls.asksClients,
    rejectUnauthorized: tls.asksClients,
    ALPNProtocols: [...(http2 ? ['h2'] : []), ...(http1 ? ['http/1.1'] : [])],
    handshakeTimeout: firstMs,
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    undecided.decided(nameOf(socket));
    socket.on('error', () => {}); // 'close' follows
    // Who speaks no ALPN speaks HTTP/1.1.
    const take = socket.alpnProtocol === 'h2' ? http2 : http1;
    if (take) take(socket);
    else socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return (socket) => {
    const now = tls.context();
    if (now !== used) server.setSecureContext(now);
    used = now;
    server.emit('connection', socket);
  };
}
