/** HTTP/1.1 for clients: fastify for connections and routes; bodies stay streams until a request is admitted. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { GatewayContext } from '../context.ts';
import { Routes } from './handlers.ts';
import { addRoutes } from './routes.ts';

export interface HttpServer {
  /** Not listening yet. */
  readonly server: Server;
  /** A connection whose client speaks HTTP/1.1; what the server itself does with one. */
  readonly take: (socket: Socket) => void;
  /** Takes no more connections; resolves when those there are have ended. */
  close(): Promise<void>;
  /** Cuts what is left. */
  cut(): void;
}

/** Bytes of all headers of a request, and milliseconds until they must be there. */
const MAX_HEADER_BYTES = 16 * 1024;
export const HEADERS_MS = 10_000;
const SWEEP_MS = 100;

export async function openHttp(context: GatewayContext): Promise<HttpServer> {
  const { settings } = context;
  const app = fastify({
    http: {
      headersTimeout: Math.min(HEADERS_MS, settings.body_timeout_seconds * 1000),
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: 1_000,
      // llhttp refuses Content-Length beside Transfer-Encoding and the like only while it is strict.
      insecureHTTPParser: false,
    },
    requestTimeout: settings.body_timeout_seconds * 1000,
    keepAliveTimeout: settings.timeout_keep_alive * 1000,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    // Keep-alive connections hear of the end by their next answer.
    return503OnClosing: false,
    logger: false,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  addRoutes(new Routes(app, context), context);
  await app.ready();
  const { server } = app;
  const [take] = server.listeners('connection') as ((socket: Socket) => void)[];
  return {
    server,
    take: (socket) => take?.call(server, socket),
    close: async () => {
      // Idle ones end at once; one whose answer was under way is idle later, and Node looks only once.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      await new Promise((resolve) => server.close(resolve));
      clearInterval(sweep);
      await app.close();
    },
    cut: () => server.closeAllConnections(),
  };
}
