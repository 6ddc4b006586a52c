/**
 * Why a call over the network failed, and how far it got.
 *
 * The layers, in the order a call passes them: `dns` (name to address), `tcp` (a connection), `tls` (where it is on: both
 * certificates hold), `http2` (the peer speaks HTTP/2), `grpc` (the peer answers this call). A person who reads "tcp: refused" looks elsewhere than one who reads
 * "http2: not HTTP/2", so the layer is part of every message.
 */
export type WireLayer = 'dns' | 'tcp' | 'tls' | 'http2' | 'grpc';
/** Over HTTP/1.1 a call has `http` in place of the last two. */
export type AnyLayer = WireLayer | 'http';

/**
 * - `not-found`: the name has no address · `refused`: nobody listens · `unreachable`: no route
 * - `deadline`: no answer in time, at `layer` · `reset`: the peer or the network cut it · `not-http2`: another protocol
 * - `untrusted`: TLS came to no agreement, or the peer wants none with us
 * - `unprocessed`: the peer closed before it looked at the call, so it is safe to send again
 * - `too-large`: the reply is over the limit · `malformed`: not a valid gRPC reply · `status`: a gRPC status that is not OK
 * - `cancelled`: our caller gave up · `closed`: our own connection object was closed
 */
export type WireReason =
  | 'not-found'
  | 'refused'
  | 'unreachable'
  | 'deadline'
  | 'reset'
  | 'not-http2'
  | 'untrusted'
  | 'unprocessed'
  | 'too-large'
  | 'malformed'
  | 'status'
  | 'cancelled'
  | 'closed';

/** A failed call. `message` is one line and names the target: `tcp: nobody listens on 10.0.0.7:6379`. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly layer: AnyLayer;
  readonly reason: WireReason;

  constructor(layer: AnyLayer, reason: WireReason, message: string, cause?: unknown) {
    super(`${layer}: ${message}`, { cause });
    this.layer = layer;
    this.reason = reason;
  }
}

const CONNECT: Readonly<Record<string, readonly [WireLayer, WireReason, string]>> = {
  ENOTFOUND: ['dns', 'not-found', 'no address is known for'],
  EAI_NODATA: ['dns', 'not-found', 'no address is known for'],
  EAI_AGAIN: ['dns', 'not-found', 'the name server gave no answer for'],
  ECONNREFUSED: ['tcp', 'refused', 'nobody listens on'],
  EHOSTUNREACH: ['tcp', 'unreachable', 'no route to'],
  ENETUNREACH: ['tcp', 'unreachable', 'no route to'],
  EADDRNOTAVAIL: ['tcp', 'unreachable', 'no local address to reach'],
  ETIMEDOUT: ['tcp', 'deadline', 'no connection in time to'],
  ECONNRESET: ['tcp', 'reset', 'the connection was cut by'],
  EPIPE: ['tcp', 'reset', 'the connection was cut by'],
};

/** What a socket or session error means; `HTTP/1` peers show up as nghttp2's "Protocol error". */
export function wireErrorOf(error: unknown, target: string, layer: AnyLayer): WireError {
  if (error instanceof WireError) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  const known = CONNECT[code];
  if (known) return new WireError(known[0], known[1], `${known[2]} ${target}`, error);
  if (code.startsWith('EAI_')) return new WireError('dns', 'not-found', `${code} for ${target}`, error);
  if (layer === 'tls') return new WireError('tls', 'untrusted', `${target}: ${message || code} (${code})`, error);
  if (layer === 'http2' && code === 'ERR_HTTP2_ERROR')
    return new WireError('http2', 'not-http2', `${target} answers, but not in HTTP/2 (${message})`, error);
  return new WireError(layer, 'reset', `${target}: ${message || code}`, error);
}
