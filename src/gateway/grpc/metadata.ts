/** What a gRPC client says in headers, and what it is told in trailers. Pure (gRPC over HTTP/2). */
import { refuse } from '../failure.ts';

const MS_OF: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Milliseconds of a `grpc-timeout`; without one Infinity.
 *
 * @throws Failure 400
 */
export function timeoutMs(header: string | readonly string[] | undefined): number {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? [];
  if (digits === undefined)
    throw refuse(`grpc-timeout is "${String(header).slice(0, 40)}", not up to 8 digits and one of H, M, S, m, u, n`);
  return Number(digits) * (MS_OF[unit] ?? 0);
}

/** `application/grpc` and `application/grpc+proto`; not grpc-web, not JSON. */
export const isGrpc = (contentType: string | undefined): boolean =>
  /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType ?? '');

/** A message longer than this is cut: clients take 8 KiB of headers. */
const MAX_MESSAGE = 2_000;

/**
 * `€` as `%E2%82%AC`: what grpc-message may hold is printable ASCII without `%`. A blank at either end too: strict clients
 * drop such a header (RFC 9113, 8.2.1), and Triton's words end with one.
 */
export const percentEncoded = (text: string): string =>
  text
    .slice(0, MAX_MESSAGE)
    .toWellFormed()
    .replace(/[^ -$&-~]+|^ +| +$/g, (run) => Buffer.from(run).reduce((all, byte) => all + escaped(byte), ''));

const escaped = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
