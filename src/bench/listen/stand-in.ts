/**
 * Stands in for the predictor on one port: HTTP/1.1 and HTTP/2 are told apart by their first bytes, everything is passed
 * on as it came, and of each inference it is noted which way it came. No body is kept.
 */
import { createServer as createHttp, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { MusterError, reasonOf } from '../../errors.ts';
import { receiver } from '../../gateway/door/receive.ts';
import { formatAddress } from '../../wire/address.ts';
import type { Surroundings } from '../protocols.ts';
import type { ListenSettings } from '../settings.ts';
import { GrpcForward, HttpForward } from './forward.ts';
import { LOOKED_AT_BYTES, lookAtGrpc, lookAtHttp, type Seen } from './look.ts';
import { Tally } from './tally.ts';

export interface StandIn {
  readonly port: number;
  /** What came until now. */
  text(): string;
  close(): Promise<void>;
}

/** Until a signal, or until so many inferences were answered. @returns what to print */
export async function standIn(settings: ListenSettings, { say, signal }: Surroundings): Promise<string> {
  const enough = Promise.withResolvers<void>();
  const open = await openStandIn(settings, {
    say,
    answered: (count) => {
      if (count >= (settings.requests ?? Number.POSITIVE_INFINITY)) enough.resolve();
    },
  });
  const { host } = settings.listen;
  const until = settings.requests === undefined ? 'Ctrl-C' : `${settings.requests} inferences or Ctrl-C`;
  say(`standing in for ${formatAddress(settings.grpc)} on ${formatAddress({ host, port: open.port })}, until ${until}`);
  signal.addEventListener('abort', () => enough.resolve(), { once: true });
  if (signal.aborted) enough.resolve();
  await enough.promise;
  await open.close();
  return open.text();
}

interface Watcher {
  readonly say: (line: string) => void;
  /** @param count inferences whose answers have ended */
  readonly answered: (count: number) => void;
}

/** @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE */
export async function openStandIn(settings: ListenSettings, { say, answered }: Watcher): Promise<StandIn> {
  const tally = new Tally();
  let ended = 0;
  const note = (seen: Seen | undefined, bytes: number) => {
    const line = seen && tally.add(seen, bytes);
    if (line !== undefined) say(line);
  };
  const over = (seen: boolean) => {
    if (seen) answered(++ended);
  };
  const grpc = new GrpcForward(settings);
  const http = settings.rest ? new HttpForward(settings.rest, settings) : undefined;
  const http2 = createHttp2({ settings: { initialWindowSize: WINDOW_BYTES } });
  http2.on('stream', (stream, headers) => {
    const tap = tapGrpc({ path: String(headers[':path']), headers }, stream, note);
    stream.once('close', () => over(tap.seen()));
    void grpc.pass(stream, headers);
  });
  const http1 = createHttp((request, response) => {
    const tap = tapHttp(request, note);
    response.once('close', () => over(tap.seen()));
    if (http) return http.pass(request, response);
    response.writeHead(502, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'muster bench --listen was given no --rest, so HTTP cannot be passed on' }));
    request.resume();
  });
  const give = (to: Server | Http2Server) => (socket: Socket) => void to.emit('connection', socket);
  const { take } = receiver({ tls: undefined, http1: give(http1), http2: give(http2), firstMs: FIRST_MS });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    take(socket);
  });
  await listening(server, settings);
  return {
    port: (server.address() as AddressInfo).port,
    text: () => tally.text(),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      grpc.close();
      http?.close();
      await closed;
    },
  };
}

/** Room for a tensor without waiting for a word of the other side. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** For the first bytes of a connection, which tell its protocol. Milliseconds. */
const FIRST_MS = 10_000;

type Note = (seen: Seen | undefined, bytes: number) => void;

/** Looks at what passes; the first bytes are enough. Noted when the request has come whole. */
function tapGrpc(head: Parameters<typeof lookAtGrpc>[0], stream: ServerHttp2Stream, note: Note) {
  const first: Buffer[] = [];
  let bytes = 0;
  let seen: Seen | undefined;
  stream.on('data', (chunk: Buffer) => {
    if (bytes < LOOKED_AT_BYTES) first.push(chunk.subarray(0, LOOKED_AT_BYTES - bytes));
    bytes += chunk.length;
  });
  stream.once('end', () => {
    seen = lookAtGrpc(head, Buffer.concat(first));
    note(seen, Math.max(0, bytes - FRAME_BYTES));
  });
  return { seen: () => seen !== undefined };
}

/** Before a gRPC message. */
const FRAME_BYTES = 5;

function tapHttp(request: IncomingMessage, note: Note) {
  let bytes = 0;
  const seen =
    request.method === 'POST' ? lookAtHttp({ path: request.url ?? '', headers: request.headers }) : undefined;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.once('end', () => note(seen, bytes));
  return { seen: () => seen !== undefined };
}

async function listening(server: ReturnType<typeof createServer>, { listen }: ListenSettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(listen, resolve);
  await promise.catch((cause) => {
    const code = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'PORT_TAKEN' : 'ADDRESS_UNAVAILABLE';
    const message = `--listen ${formatAddress(listen)} cannot be opened: ${reasonOf(cause)}`;
    throw new MusterError({ code, message, hint: 'Name a free port, and an address of this machine.' }, { cause });
  });
}
