/** Real peers on port 0 for wire tests: gRPC from our proto files, plain TCP, raw HTTP/2. Each closes with the test. */
import { once } from 'node:events';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { loadPackageDefinition, Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';
import { freePorts } from '../../../scripts/group.ts';

export const PROTO = join(import.meta.dirname, '../../../proto');

interface ServiceHolder {
  readonly service: Parameters<Server['addService']>[0];
}

/** A grpc-js server of `service` (full name) in `file` of proto/. @returns its port */
export async function grpcServer(
  file: string,
  service: string,
  methods: UntypedServiceImplementation,
  at = '127.0.0.1:0',
): Promise<{ port: number; close: () => void }> {
  const loaded = loadPackageDefinition(loadSync(join(PROTO, file), { keepCase: true, longs: Number, defaults: true }));
  const holder = service.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], loaded);
  const server = new Server();
  server.addService((holder as ServiceHolder).service, methods);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(at, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  return { port, close: () => server.forceShutdown() };
}

/** What each accepted connection gets to do. */
export async function tcpServer(onSocket: (socket: Socket) => void = () => undefined): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return portOf(server.listen(0, '127.0.0.1'));
}

/** A bare HTTP/2 server, for replies no gRPC library would send. */
export async function http2Server(
  onServer: (server: Http2Server) => void,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<{ port: number; server: Http2Server; close: () => Promise<void> }> {
  const server = createHttp2();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  onServer(server);
  const cut = () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
  onTestFinished(cut);
  const close = async () => {
    const closed = once(server, 'close');
    cut();
    await closed;
  };
  return { port: await portOf(server.listen(port, host)), server, close };
}

/** A port nobody listens on, and that the kernel gives to nobody meanwhile. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

async function portOf(server: NetServer | Http2Server): Promise<number> {
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
