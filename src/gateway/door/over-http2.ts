/** Requests over HTTP/2 that are no gRPC calls, on the port for both: answered as over HTTP/1.1, by Node's compatible objects. */
import { constants, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { NotGrpc } from '../grpc/server.ts';
import type { HttpServer } from '../http/server.ts';

/** @param bodyMs until the whole request must be there; over HTTP/1.1 the server itself sees to it */
export function overHttp2({ server }: Pick<HttpServer, 'server'>, bodyMs: number): NotGrpc {
  return (stream, headers, rawHeaders) => {
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    const response = new Http2ServerResponse(stream);
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), bodyMs);
    const over = () => clearTimeout(timer);
    stream.on('error', () => {}); // 'close' follows
    stream.once('end', over).once('close', over);
    stream.on('timeout', () => stream.close(constants.NGHTTP2_CANCEL)); // over HTTP/1.1 Node cuts who takes nothing
    server.emit('request', request, response);
  };
}
