/** The HTTP server: fastify for connections and routes; bodies stay streams until a request is admitted. */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { MusterError } from '../../errors.ts';
import { ownerOf, takenBy } from '../../wire/port.ts';
import type { GatewayContext } from '../context.ts';
import { Routes } from './handlers.ts';
import { addRoutes } from './routes.ts';

export interface HttpServer {
  /** The real one, when 0 was asked for. */
  readonly port: number;
  /** Takes no more connections; resolves when those there are have ended. */
  close(): Promise<void>;
  /** Cuts what is left. */
  cut(): void;
}

/** Bytes of all headers of a request, and milliseconds until they must be there. */
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_MS = 10_000;

/** @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE */
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
    forceCloseConnections: 'idle',
    logger: false,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  addRoutes(new Routes(app, context), context);
  await listen(app, settings.host, settings.http_port);
  return {
    port: (app.server.address() as AddressInfo).port,
    close: () => app.close(),
    cut: () => app.server.closeAllConnections(),
  };
}

async function listen(app: FastifyInstance, host: string | undefined, port: number): Promise<void> {
  const hint = 'Choose another one with --http_port, or another --host.';
  try {
    await app.listen(host === undefined ? { port, host: '::' } : { port, host });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (host === undefined && code === 'EAFNOSUPPORT') return listen(app, '0.0.0.0', port); // no IPv6 here
    throw new MusterError(
      code === 'EADDRINUSE'
        ? { code: 'PORT_TAKEN', message: `the HTTP port ${port} ${takenBy(ownerOf(port))}`, hint }
        : { code: 'ADDRESS_UNAVAILABLE', message: `the HTTP port ${port} cannot be opened: ${message}`, hint },
      { cause },
    );
  }
}
