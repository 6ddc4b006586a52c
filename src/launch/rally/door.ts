/**
 * The head's port: a TCP listener of our own in front of grpc-js, because grpc-js takes any number of connections and
 * keeps a silent one for ever.
 */
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import {
  type Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { MusterError, type Refusal } from '../../errors.ts';
import { ownerOf, takenBy } from '../../wire/port.ts';
import type { Tls } from '../../wire/tls.ts';
import { carefulServer } from './careful-server.ts';
import { onFirstByte } from './first-byte.ts';
import { LIMIT, TIME } from './limits.ts';
import { ONLY_PLAIN, TOO_MANY, WITHOUT_TLS } from './refusals.ts';
import { hostPort } from './words.ts';

export interface Door {
  readonly port: number;
  /** No new connections; those that are there go on. */
  shut(): void;
  /** How to hang up on who is there now. @param peer `address:port`, as grpc-js names it */
  lineTo(peer: string): () => void;
  /** Closes every connection. */
  destroy(): Promise<void>;
}

export interface DoorOptions {
  readonly host: string;
  readonly port: number;
  readonly maxConnections: number;
  /** Undefined: none is spoken. */
  readonly tls: Tls | undefined;
  /** Adds the services. */
  readonly furnish: (server: Server) => void;
  /** A connection that was dropped, or speaks TLS where we do not, or the other way round. @param from its address */
  readonly onRefused: (from: string, refusal: Refusal) => void;
}

/** @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { host, port, maxConnections, furnish, onRefused } = options;
  const grpc = carefulServer({
    'grpc.max_receive_message_length': LIMIT.memberMessageBytes,
    'grpc.max_concurrent_streams': LIMIT.streamsPerConnection,
    'grpc.max_connection_idle_ms': TIME.idleMs,
    'grpc.keepalive_time_ms': TIME.keepaliveMs,
    'grpc.enable_channelz': 0,
    interceptors: [capMetadata],
  });
  furnish(grpc);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const enter = await wayIn(options, (socket) => injector.injectConnection(socket));
  const sockets = new Map<string, Socket>();
  const tcp = createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.set(peer, socket);
    socket.on('error', () => {}); // a peer may go at any moment; its stream tells the rest
    const impatient = setTimeout(() => void (socket.bytesRead === 0 && socket.destroy()), TIME.firstBytesMs).unref();
    socket.once('close', () => {
      clearTimeout(impatient);
      if (sockets.get(peer) === socket) sockets.delete(peer);
    });
    enter(socket);
  });
  tcp.maxConnections = maxConnections;
  tcp.on('drop', (data) => onRefused(data?.remoteAddress ?? 'unknown', TOO_MANY));
  const bound = await listen(tcp, host, port);
  return {
    port: bound,
    shut: () => void tcp.close(),
    lineTo: (peer) => {
      const socket = sockets.get(peer);
      return () => socket?.destroy();
    },
    destroy: async () => {
      const freed = new Promise((done) => tcp.close(done)); // with an error when it was shut before: free all the same
      grpc.forceShutdown();
      const gone = [...sockets.values()].map((socket) => new Promise((done) => socket.once('close', done).destroy()));
      await Promise.all([freed, ...gone]);
    },
  };
}

/** To grpc-js, through TLS where that is on. Who speaks the wrong one is told, or told of. */
async function wayIn(
  { tls, onRefused }: DoorOptions,
  inject: (socket: Socket) => void,
): Promise<(socket: Socket) => void> {
  const from = (socket: Socket) => socket.remoteAddress ?? 'unknown';
  if (!tls)
    return (socket) =>
      onFirstByte(socket, (isTls) => {
        if (isTls) onRefused(from(socket), ONLY_PLAIN);
        inject(socket); // HTTP/2 has its own answer to what is none
      });
  const { dismiss, tlsDoor } = await import('./door-tls.ts');
  const shakeHands = tlsDoor({ tls, onTrusted: inject, onRefused });
  return (socket) =>
    onFirstByte(socket, (isTls) => {
      if (isTls) return shakeHands(socket);
      onRefused(from(socket), WITHOUT_TLS);
      dismiss(socket, WITHOUT_TLS);
    });
}

function listen(tcp: TcpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    tcp.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new MusterError(cannotListen(cause, host, port), { cause }));
    });
    tcp.listen({ host, port, exclusive: true, backlog: LIMIT.backlog }, () => {
      const address = tcp.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function cannotListen({ code = '', message }: NodeJS.ErrnoException, host: string, port: number): Refusal {
  const where = hostPort(host, port);
  if (code === 'EADDRINUSE') {
    const owner = ownerOf(port);
    return {
      code: 'PORT_TAKEN',
      message: `the rally's port ${where} ${takenBy(owner)}`,
      hint: owner
        ? `Stop it, or choose another port on every member.`
        : 'Choose another port on every member (host network?).',
    };
  }
  const why = code === 'EACCES' ? 'ports below 1024 need the right to bind them' : message;
  return {
    code: 'ADDRESS_UNAVAILABLE',
    message: `the rally cannot listen on ${where}: ${code || 'error'}: ${why}`,
    hint: 'Give an address that belongs to this machine, or 0.0.0.0.',
  };
}

/** grpc-js passes on metadata of any size. */
const capMetadata: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next(
        new ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, pass) => {
            let bytes = 0;
            for (const [key, values] of Object.entries(metadata.toHttp2Headers()))
              bytes += key.length + String(values).length;
            if (bytes <= LIMIT.metadataBytes) return pass(metadata);
            const details = `${bytes} bytes of metadata, ${LIMIT.metadataBytes} allowed`;
            call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details });
          })
          .build(),
      ),
  });
