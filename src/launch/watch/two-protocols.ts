/**
 * HTTP/1.1 and HTTP/2 without TLS on one port, told apart by the first three bytes: only the HTTP/2 preface begins with
 * `PRI` (RFC 9113, 3.4). So a pod needs one probe port, whichever kind of probe it is given.
 *
 * The HTTP/1 server is the one that listens, for its own timeouts hold only then; its connection handler is called once
 * the look is over. What was read goes back into the socket first, where both servers find it.
 */
import type { Server as HttpServer } from 'node:http';
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';

const PREFACE = Buffer.from('PRI');
/** A connection that says nothing is closed after this. Milliseconds. */
export const FIRST_BYTES_MS = 3_000;
/** Beyond this the oldest one goes: whoever holds connections cannot keep a probe out. */
export const MAX_CONNECTIONS = 128;

export interface TwoProtocols {
  /** Ends who is idle, then, `withinMs` milliseconds later, whoever is left. */
  end(withinMs: number): Promise<void>;
}

/** @param http2 made when the first peer speaks it */
export function twoProtocols(http1: HttpServer, http2: () => Promise<Http2Server>): TwoProtocols {
  const serve = http1.listeners('connection') as ((socket: Socket) => void)[];
  http1.removeAllListeners('connection');
  const sockets = new Set<Socket>();
  let made: Promise<Http2Server> | undefined;
  http1.on('connection', (socket: Socket) => {
    const [oldest] = sockets;
    if (sockets.size >= MAX_CONNECTIONS) oldest?.destroy();
    sockets.add(socket);
    socket.on('error', () => {}); // a peer may go at any moment
    socket.once('close', () => sockets.delete(socket));
    peek(socket, (isHttp2) => {
      if (!isHttp2) {
        for (const each of serve) each.call(http1, socket);
        socket.resume();
        return;
      }
      made ??= http2();
      made.then((server) => void (socket.destroyed || server.emit('connection', socket))).catch(() => socket.destroy());
    });
  });
  return { end: (withinMs) => end(http1, sockets, withinMs) };
}

/** Reads until it is clear who speaks, and puts back what was read; the socket is paused then. */
function peek(socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const hangUp = () => socket.destroy();
  const impatient = setTimeout(hangUp, FIRST_BYTES_MS).unref();
  const look = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const beginning = seen.subarray(0, PREFACE.length);
    const mayBe = PREFACE.subarray(0, beginning.length).equals(beginning);
    if (mayBe && beginning.length < PREFACE.length) return;
    clearTimeout(impatient);
    socket.off('data', look).off('end', hangUp).pause();
    socket.unshift(seen);
    decided(mayBe);
  };
  socket.on('data', look).once('end', hangUp);
  socket.once('close', () => clearTimeout(impatient));
}

async function end(http1: HttpServer, sockets: ReadonlySet<Socket>, withinMs: number): Promise<void> {
  http1.close();
  http1.closeIdleConnections();
  const gone = Promise.all([...sockets].map((socket) => new Promise((done) => socket.once('close', done))));
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, withinMs);
  await Promise.race([gone, late.promise]);
  clearTimeout(timer);
  for (const socket of sockets) socket.destroy();
  await gone;
}
