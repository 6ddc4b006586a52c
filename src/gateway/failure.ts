/**
 * What a request can end in, other than its answer: an HTTP status with one sentence for the client. Every refusal of the
 * gateway and every failure behind it becomes one of these; anything else that is thrown is a bug and a 500.
 */
import { WireError, type WireReason } from '../wire/wire-error.ts';

export class Failure extends Error {
  override readonly name = 'Failure';
  /** The HTTP status. */
  readonly status: number;
  /** Seconds after which it is worth to ask again; undefined: no word about that. */
  readonly retryAfter: number | undefined;
  /** gRPC's number for the same (doc/statuscodes.md), for clients that speak it, and the label of metrics. */
  readonly grpc: number;

  constructor(status: number, message: string, how: { retryAfter?: number; grpc?: number; cause?: unknown } = {}) {
    super(message, { cause: how.cause });
    this.status = status;
    this.retryAfter = how.retryAfter;
    this.grpc = how.grpc ?? GRPC_OF_HTTP[status] ?? 2;
  }
}

/** The client's mistake, in a sentence that names field, value and what would be right. */
export const refuse = (message: string): Failure => new Failure(400, message);

/** gRPC status → HTTP status; google.rpc.Code says the same. 499 is nginx's "client closed request". */
const HTTP_OF_GRPC: Readonly<Record<number, number>> = {
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
};

const GRPC_OF_HTTP: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  408: 4,
  413: 8,
  415: 3,
  429: 8,
  499: 1,
  500: 13,
  501: 12,
  502: 14,
  503: 14,
  504: 4,
};

/** What the predictor answered instead of tensors. Its own words reach the client: they name what it did not like. */
export function failureOfStatus({ status, message }: { status: number; message: string }): Failure {
  const http = HTTP_OF_GRPC[status] ?? 500;
  const words = message || silent(status);
  return new Failure(http, words, { grpc: status, ...(http === 503 || http === 429 ? { retryAfter: 1 } : {}) });
}

/** Servers say nothing of a method that they have not: most often it is another protocol that they speak. */
const silent = (status: number): string =>
  status === 12
    ? 'the predictor serves no such gRPC method (status 12 without a word): it may speak another protocol'
    : `the predictor answered gRPC status ${status} without a word`;

const HTTP_OF_WIRE: Readonly<Record<WireReason, number>> = {
  'not-found': 503,
  refused: 503,
  unreachable: 503,
  deadline: 504,
  reset: 502,
  'not-http2': 502,
  untrusted: 502,
  unprocessed: 503,
  'too-large': 502,
  malformed: 502,
  status: 502,
  cancelled: 499,
  closed: 503,
};

/** A call that brought no answer: which hop, and how far it got. @param what e.g. `the predictor` */
export function failureOf(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof WireError)) throw error;
  const status = HTTP_OF_WIRE[error.reason];
  return new Failure(status, `${what}: ${error.message}`, {
    cause: error,
    ...(status === 503 ? { retryAfter: 1 } : {}),
  });
}
