/** Whether the members prove themselves to each other. Pure; the token itself never enters a plan. */
import type { Refusal } from '../../errors.ts';
import type { Settings, Sourced } from '../args/options.ts';
import type { Facts } from './facts.ts';
import type { Topology } from './topology/resolve.ts';

/** Enough that it cannot be guessed: 128 bits. */
export const MIN_TOKEN_BYTES = 16;

export interface AuthInput {
  readonly settings: Settings;
  readonly token: Facts['token'];
  readonly place: Topology;
}

const HOW = 'Make one with `head -c 32 /dev/urandom | base64`, mount it as a Secret and set MUSTER_TOKEN_FILE';

export function chooseAuth({ settings, token, place }: AuthInput): {
  auth: Sourced<'token' | 'none'>;
  refusals: readonly Refusal[];
  notes: readonly string[];
} {
  const none = (origin: string): Sourced<'none'> => ({ value: 'none', origin });
  if (place.worldSize.value === 1) return { auth: none('world size 1'), refusals: [], notes: [] };
  if (token && token.bytes < MIN_TOKEN_BYTES) return { auth: none('refused'), refusals: [weak(token)], notes: [] };
  if (token) return { auth: { value: 'token', origin: token.origin }, refusals: [], notes: [] };
  const insecure = settings.insecure?.value ? settings.insecure : undefined;
  if (isLoopback(place.headAddress?.value)) return { auth: none('the head is on loopback'), refusals: [], notes: [] };
  if (insecure)
    return {
      auth: none(insecure.origin),
      refusals: [],
      notes: ['the group has no token: anyone on this network can join it or end it'],
    };
  return { auth: none('refused'), refusals: [MISSING], notes: [] };
}

export const isLoopback = (host: string | undefined): boolean =>
  host !== undefined && (host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host));

const MISSING: Refusal = {
  code: 'TOKEN_MISSING',
  message: 'the group meets over a network, and no token is set',
  hint: `${HOW} on every member; or set MUSTER_INSECURE=1 where nobody else can reach the rally port.`,
};

const weak = ({ origin, bytes }: { origin: string; bytes: number }): Refusal => ({
  code: 'TOKEN_WEAK',
  message: `the token from ${origin} has ${bytes} bytes, fewer than ${MIN_TOKEN_BYTES}`,
  hint: `${HOW}.`,
});
