/** One call of grpc.health.v1 on a raw HTTP/2 stream: its request read to a limit, its replies framed, its refusals. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { frameHead, STATUS, unframe } from '../../wire/frame.ts';
import { HealthCheckRequest, HealthCheckResponse, PATH, type ServingStatus } from '../rally/schema.ts';

/** A name of a service; ours have seven letters. Bytes, frame included. */
const MAX_REQUEST_BYTES = 1024;
/** github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const INVALID_ARGUMENT = 3;
export const RESOURCE_EXHAUSTED = 8;

/** Reads the one request message; answers by itself what is none. */
export function receive(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  then: (path: string, service: string) => void,
): void {
  const path = headers[':path'] ?? '';
  if (path !== PATH.check && path !== PATH.watch) {
    stream.resume();
    refuse(stream, STATUS.unimplemented, `${path.slice(0, 100)} is not known here`);
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_REQUEST_BYTES) refuse(stream, RESOURCE_EXHAUSTED, `more than ${MAX_REQUEST_BYTES} bytes`);
    else chunks.push(chunk);
  });
  stream.once('end', () => {
    if (size > MAX_REQUEST_BYTES) return;
    const service = serviceOf(Buffer.concat(chunks));
    if (service === undefined) refuse(stream, INVALID_ARGUMENT, 'this is no HealthCheckRequest');
    else then(path, service);
  });
}

function serviceOf(bytes: Buffer): string | undefined {
  const message = unframe(bytes);
  if (!(message instanceof Uint8Array)) return undefined;
  try {
    return HealthCheckRequest.decode(message).service;
  } catch {
    return undefined; // MalformedMessage
  }
}

/** A peer may reset its stream at any moment, and node:http2 throws at who answers then. */
const isGone = (stream: ServerHttp2Stream): boolean => stream.closed || stream.destroyed;

export function open(stream: ServerHttp2Stream): void {
  if (isGone(stream)) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    if (!isGone(stream)) stream.sendTrailers({ 'grpc-status': String(STATUS.ok) });
  });
}

export function say(stream: ServerHttp2Stream, status: ServingStatus): void {
  if (isGone(stream) || stream.writableEnded) return;
  const message = HealthCheckResponse.encode({ status });
  stream.write(Buffer.concat([frameHead(message.length), message]));
}

/** Trailers only. `why` is plain ASCII but for what a peer sent, which is percent-encoded as the spec wants it. */
export function refuse(stream: ServerHttp2Stream, status: number, why: string): void {
  if (isGone(stream) || stream.headersSent) return;
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(status),
    'grpc-message': encodeURIComponent(why.toWellFormed()).replaceAll('%20', ' '),
  };
  stream.respond(headers, { endStream: true });
}
