/** What a failed call says of the address that it went to, and of what may be done with the request. Pure. */
import { WireError, type WireReason } from '../../../wire/wire-error.ts';
import { Failure } from '../../failure.ts';

/** The connection never stood, or the peer closed before it looked: nothing was done, whatever the request is. */
const UNSENT: ReadonlySet<WireReason> = new Set(['not-found', 'refused', 'unreachable', 'untrusted', 'unprocessed']);
const UNREACHED: ReadonlySet<WireReason> = new Set([
  'not-found',
  'refused',
  'unreachable',
  'untrusted',
  'not-http2',
  'reset',
]);
const CONNECTING: ReadonlySet<string> = new Set(['dns', 'tcp', 'tls', 'http2']);
/** A client may set a deadline of a millisecond: what is missed within less than this is no word about the address. */
const PATIENCE_MS = 1_000;
const UNAVAILABLE = 14;

const wireOf = (error: unknown): WireError | undefined =>
  error instanceof Failure && error.cause instanceof WireError ? error.cause : undefined;

/**
 * Did the call meet a server? Undefined: nobody can say, for the client went, or its time was over.
 *
 * @param tookMs from the call to its failure
 */
export function reached(error: unknown, tookMs: number): boolean | undefined {
  const wire = wireOf(error);
  if (!wire) return true;
  if (UNREACHED.has(wire.reason)) return false;
  if (wire.reason === 'deadline') return CONNECTING.has(wire.layer) && tookMs >= PATIENCE_MS ? false : undefined;
  return wire.reason === 'cancelled' || wire.reason === 'closed' ? undefined : true;
}

/** The predictor never got the request: it may be sent to another address, whatever it is. */
export function unsent(error: unknown): boolean {
  const wire = wireOf(error);
  if (!wire) return false;
  return UNSENT.has(wire.reason) || (wire.reason === 'deadline' && (wire.layer === 'tcp' || wire.layer === 'dns'));
}

/** It may have got it, and has answered nothing of it: to be sent again only if doing it twice is the same as once. */
export function unanswered(error: unknown): boolean {
  const wire = wireOf(error);
  return wire ? wire.reason === 'reset' : error instanceof Failure && error.grpc === UNAVAILABLE;
}
