/** A predictor over HTTP/1.1 that is not one: it answers by path as it is told, and remembers what came. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Came {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Which connection it came on, from 0. */
  readonly connection: number;
}

export type RestHandler = (came: Came, response: ServerResponse, request: IncomingMessage) => void;

export interface FakeRest {
  readonly port: number;
  readonly came: Came[];
  readonly sockets: readonly Socket[];
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): RestHandler =>
  (_came, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

/** Handlers by `METHOD /path`; what is not told is 404. */
export async function fakeRest(
  handlers: Readonly<Record<string, RestHandler>>,
  make: (listener: (request: IncomingMessage, response: ServerResponse) => void) => Server = createServer,
): Promise<FakeRest> {
  const came: Came[] = [];
  const sockets: Socket[] = [];
  const server = make(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url: path = '', method = '', headers, socket } = request;
    const one = { path, method, headers, body: Buffer.concat(chunks), connection: sockets.indexOf(socket) };
    came.push(one);
    (handlers[`${method} ${path}`] ?? json({ error: `no ${path}` }, 404))(one, response, request);
  });
  const onSocket = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  };
  server.on('listening', () => server.on('secureConnection', onSocket));
  if (!('setSecureContext' in server)) server.on('connection', onSocket);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, came, sockets };
}
