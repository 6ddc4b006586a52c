/** The HTTP server: fastify for connections and routes; bodies stay streams until a request is admitted. */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { MusterError } from '../../errors.ts';
import { ownerOf, takenBy } from '../../wire/port.ts';
import { Failure } from '../failure.ts';
import { errorReply } from '../protocol/reply.ts';
import type { GatewayContext } from './context.ts';
import { Exchange } from './exchange.ts';
import { LOOKS, type Look } from './looks.ts';
import { type Api, type Asked, asFailure, passesV1, serve } from './work.ts';

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
  addRoutes(app, context);
  await listen(app, settings.host, settings.http_port);
  return {
    port: (app.server.address() as AddressInfo).port,
    close: () => app.close(),
    cut: () => app.server.closeAllConnections(),
  };
}

function addRoutes(app: FastifyInstance, context: GatewayContext): void {
  const look = (path: string, how: Look, method: 'GET' | 'POST' = 'GET') =>
    app.route({ method, url: path, handler: (request, reply) => void answer(context, how, request, reply) });
  const work = (path: string, api: Api) =>
    app.post(path, (request, reply) => void serve(context, exchangeOf(context, reply), api, askedOf(request)));

  look('/', LOOKS.alive);
  look('/metrics', LOOKS.metrics);
  look('/v1/models', LOOKS.models);
  look('/v1/models/:model', LOOKS.modelReady);
  app.post('/v1/models/:call', (request, reply) => void v1(context, request, reply));
  look('/v2', LOOKS.server);
  look('/v2/health/live', LOOKS.live);
  look('/v2/health/ready', LOOKS.ready);
  look('/v2/models', LOOKS.models);
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    look(model, LOOKS.model);
    look(`${model}/ready`, LOOKS.modelReady);
    work(`${model}/infer`, 'v2');
    work(`${model}/generate`, 'generate');
    work(`${model}/generate_stream`, 'generate_stream');
  }
  app.setNotFoundHandler((request, reply) => {
    const failure = new Failure(404, `there is no ${request.method} ${request.url.slice(0, 200)}`);
    exchangeOf(context, reply).send(errorReply(failure));
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    const failure = status < 500 ? new Failure(status, (error as Error).message) : asFailure(error, context.log);
    exchangeOf(context, reply).send(errorReply(failure));
  });
}

/** `POST /v1/models/NAME:predict`; a name may hold colons itself. */
function v1(context: GatewayContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { call = '' } = request.params as { call?: string };
  const at = call.lastIndexOf(':');
  const [model, verb] = [call.slice(0, at), call.slice(at + 1)];
  const explains = verb === 'explain' && passesV1(context.settings);
  if (at > 0 && (verb === 'predict' || explains))
    return serve(context, exchangeOf(context, reply), explains ? 'explain' : 'v1', { model, version: '' });
  const unknown = () => {
    throw new Failure(404, `"${call.slice(0, 200)}" is no call: write /v1/models/NAME:predict`);
  };
  const how = at > 0 && verb === 'explain' ? LOOKS.explain : unknown;
  return answer(context, (of) => how(of, { model, version: '' }), request, reply);
}

const askedOf = (request: FastifyRequest): Asked => {
  const { model = '', version = '' } = request.params as { model?: string; version?: string };
  return { model, version };
};

/** From here on the answer is ours to write; while we drain it is the last on its connection. */
function exchangeOf({ readiness }: GatewayContext, reply: FastifyReply): Exchange {
  reply.hijack();
  if (readiness.draining) reply.raw.shouldKeepAlive = false;
  return new Exchange(reply.request.raw, reply.raw);
}

async function answer(context: GatewayContext, how: Look, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const exchange = exchangeOf(context, reply);
  try {
    exchange.send(await how(context, askedOf(request), exchange.gone));
  } catch (error) {
    exchange.send(errorReply(asFailure(error, context.log)));
  }
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
