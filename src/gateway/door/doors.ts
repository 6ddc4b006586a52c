/** The ports for clients: HTTP/1.1 and gRPC, on one port each or on one for both, with TLS or without. */
import { createServer } from 'node:net';
import type { GatewayContext } from '../context.ts';
import { Methods } from '../grpc/methods.ts';
import { addMethods } from '../grpc/registry.ts';
import { type GrpcServer, openGrpc } from '../grpc/server.ts';
import { HEADERS_MS, type HttpServer, openHttp } from '../http/server.ts';
import { listen } from './listen.ts';
import { overHttp2 } from './over-http2.ts';
import { receiver } from './receive.ts';
import { openTls } from './tls-files.ts';

export interface Doors {
  /** The real ones, when 0 was asked for. */
  readonly httpPort: number;
  /** Undefined: gRPC is not served. */
  readonly grpcPort: number | undefined;
  /** Those that stay connected are told to turn away with their next request. */
  drain(): void;
  /** Take no more connections; resolves when those there are have ended. */
  close(): Promise<void>;
  /** Cuts what is left. */
  cut(): void;
}

/** @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE, TLS_FILE_UNREADABLE, TLS_INVALID */
export async function openDoors(context: GatewayContext): Promise<Doors> {
  const { settings, log } = context;
  const { host, ssl_certfile: cert, ssl_keyfile: key, ssl_ca_certs: ca } = settings;
  const tls = cert === undefined || key === undefined ? undefined : openTls({ cert, key, ca }, log);
  const http = await openHttp(context);
  const grpc = settings.enable_grpc ? openOurGrpc(context, http) : undefined;
  const firstMs = Math.min(HEADERS_MS, settings.body_timeout_seconds * 1000);
  const first = receiver({ tls, http1: http.take, http2: settings.onePort ? grpc?.take : undefined, firstMs });
  const second = receiver({ tls, http1: undefined, http2: grpc?.take, firstMs });
  // HTTP/1.1 alone and without TLS needs nobody before it.
  if (tls || settings.onePort) http.server.removeAllListeners('connection').on('connection', first.take);
  const other = grpc && !settings.onePort ? createServer({ noDelay: true }, second.take) : undefined;
  const httpPort = await listen(http.server, { host, port: settings.http_port, what: 'HTTP' });
  const grpcPort = other
    ? await listen(other, { host, port: settings.grpc_port, what: 'gRPC' }).catch(async (error) => {
        await http.close();
        throw error;
      })
    : grpc && httpPort;
  const cut = () => {
    for (const each of [http, grpc, first, second]) each?.cut();
  };
  const close = async () => {
    const closed = [http.close(), grpc?.close(), other && new Promise((resolve) => other.close(resolve))];
    first.cut();
    second.cut();
    await Promise.all(closed);
  };
  return { httpPort, grpcPort, drain: () => grpc?.drain(), cut, close };
}

function openOurGrpc(context: GatewayContext, http: HttpServer): GrpcServer {
  const methods = new Methods();
  addMethods(methods);
  const { onePort, body_timeout_seconds: bodySeconds } = context.settings;
  return openGrpc(context, methods, onePort ? overHttp2(http, bodySeconds * 1000) : undefined);
}
