/** Whether the members prove themselves to each other. Pure; the token itself never enters a plan. */
import type { Refusal } from '../../errors.ts';
import type { Settings, Sourced } from '../args/options.ts';
import type { Facts } from './facts.ts';
import type { Topology } from './topology/resolve.ts';

/** Enough that it cannot be guessed: 128 bits. */
export const MIN_TOKEN_BYTES = 16;

export type AuthKind = 'token' | 'mTLS' | 'token, mTLS' | 'none';

export interface AuthInput {
  readonly settings: Settings;
  readonly token: Facts['token'];
  readonly tls: Facts['tls'];
  readonly place: Topology;
}

interface Auth {
  readonly auth: Sourced<AuthKind>;
  readonly refusals: readonly Refusal[];
  readonly notes: readonly string[];
}

const HOW = 'Make one with `head -c 32 /dev/urandom | base64`, mount it as a Secret and set MUSTER_TOKEN_FILE';

export function chooseAuth({ settings, token, tls, place }: AuthInput): Auth {
  const choose = (value: AuthKind, origin: string, notes: readonly string[] = []): Auth => ({
    auth: { value, origin },
    refusals: [],
    notes,
  });
  const refuse = (refusal: Refusal): Auth => ({ ...choose('none', 'refused'), refusals: [refusal] });
  if (place.worldSize.value === 1) return choose('none', 'world size 1');
  if (token && token.bytes < MIN_TOKEN_BYTES) return refuse(weak(token));
  if (token && tls) return choose('token, mTLS', `${token.origin}, ${tls.origin}`, tls.notes);
  if (tls) return choose('mTLS', tls.origin, tls.notes);
  if (token) return choose('token', token.origin);
  if (isLoopback(place.headAddress?.value)) return choose('none', 'the head is on loopback');
  if (settings.insecure?.value) return choose('none', settings.insecure.origin, [OPEN]);
  return refuse(MISSING);
}

const OPEN = 'the group has no token and no TLS: anyone on this network can join it or end it';

export const isLoopback = (host: string | undefined): boolean =>
  host !== undefined && (host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host));

const MISSING: Refusal = {
  code: 'TOKEN_MISSING',
  message: 'the group meets over a network without TLS, and no token is set',
  hint: `${HOW} on every member; or set MUSTER_TLS_DIR; or set MUSTER_INSECURE=1 where nobody else can reach the rally port.`,
};

const weak = ({ origin, bytes }: { origin: string; bytes: number }): Refusal => ({
  code: 'TOKEN_WEAK',
  message: `the token from ${origin} has ${bytes} bytes, fewer than ${MIN_TOKEN_BYTES}`,
  hint: `${HOW}.`,
});
