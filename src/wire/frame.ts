/** The five bytes before a gRPC message (compressed flag, length), and what trailers say. Pure; gRPC over HTTP/2 spec. */
import type { IncomingHttpHeaders } from 'node:http2';

export interface GrpcStatus {
  /** 0 is OK; github.com/grpc/grpc/blob/master/doc/statuscodes.md */
  readonly status: number;
  readonly message: string;
}

export const STATUS = {
  ok: 0,
  unknown: 2,
  notFound: 5,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What stands before a message of `length` bytes; the message itself is never copied. */
export function frameHead(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return head;
}

/** @returns the one message of a unary reply, or what is wrong with `bytes` */
export function unframe(bytes: Buffer): Uint8Array | { readonly error: string } {
  if (bytes.length < 5) return { error: `a reply of ${bytes.length} bytes holds no message` };
  if (bytes[0] !== 0) return { error: 'a compressed message nobody asked for' };
  const length = bytes.readUInt32BE(1);
  if (bytes.length !== 5 + length) return { error: `a message of ${length} bytes in a reply of ${bytes.length}` };
  return bytes.subarray(5);
}

/** From the trailers, or from the headers when the reply is trailers-only; undefined: neither has a grpc-status. */
export function statusOf(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const status = headers['grpc-status'];
  if (typeof status !== 'string' || !/^\d{1,3}$/.test(status)) return undefined;
  return { status: Number(status), message: percentDecoded(String(headers['grpc-message'] ?? '')) };
}

const HTTP_TO_GRPC: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** A reply without any grpc-status, by the HTTP status a proxy or another server gave (doc/http-grpc-status-mapping.md). */
export const statusOfHttp = (http: number): GrpcStatus => ({
  status: HTTP_TO_GRPC[http] ?? STATUS.unknown,
  message: `HTTP ${http} without a grpc-status`,
});

/** `%E2%82%AC` as `€`; a malformed escape stays as it is: the spec says not to lose a message over it. */
export const percentDecoded = (text: string): string =>
  text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));

/** grpc-timeout holds 8 digits at most: milliseconds up to 27 h, then seconds. */
export const grpcTimeout = (deadlineMs: number): string =>
  deadlineMs < 1e8
    ? `${Math.max(1, Math.ceil(deadlineMs))}m`
    : `${Math.min(99_999_999, Math.ceil(deadlineMs / 1000))}S`;
