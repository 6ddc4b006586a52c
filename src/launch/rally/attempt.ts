/** One attempt to join: DNS, TCP, hello, in this order, over all addresses, within `TIME.attemptMs`. */

import type { Tls } from '../../wire/tls.ts';
import { knock, type Lookup, Missed, resolveHead } from './dial.ts';
import { TIME } from './limits.ts';
import type { Hello } from './rally.ts';
import { type Ears, Session } from './session.ts';

export interface AttemptOptions {
  readonly head: { readonly host: string; readonly port: number };
  readonly self: Hello;
  readonly token: string | undefined;
  readonly tls: Tls | undefined;
  readonly lookup: Lookup;
  readonly ears: Ears;
  readonly now: () => number;
}

/** Too little time to learn anything. */
const NOT_WORTH_MS = 250;

/**
 * @param signal gives up at once; its reason is thrown
 * @returns a session whose head has seated us
 * @throws Missed (the one that came furthest) when it may be tried again, MusterError when it may not
 */
export async function attempt(options: AttemptOptions, signal: AbortSignal): Promise<Session> {
  const { head, lookup, now } = options;
  const until = now() + TIME.attemptMs;
  const addresses = await orAborted(resolveHead(head.host, lookup, TIME.attemptMs), signal);
  let furthest: Missed | undefined;
  for (const address of addresses) {
    const leftMs = until - now();
    if (leftMs < NOT_WORTH_MS) break;
    try {
      return await enter(address, leftMs, options, signal);
    } catch (cause) {
      if (!(cause instanceof Missed) || signal.aborted) throw signal.aborted ? signal.reason : cause;
      furthest = furthest === undefined || DEPTH[cause.layer] >= DEPTH[furthest.layer] ? cause : furthest;
    }
  }
  throw furthest ?? new Missed('DNS', 'it took the whole attempt to resolve the name', "look at the cluster's DNS");
}

const DEPTH = { DNS: 0, TCP: 1, TLS: 2, hello: 3, version: 4, plan: 4, GPU: 4, model: 4, seat: 5 } as const;

async function enter(address: string, leftMs: number, options: AttemptOptions, signal: AbortSignal): Promise<Session> {
  const { head, self, token, tls, ears, now } = options;
  const began = now();
  await orAborted(knock(address, head.port, Math.min(TIME.connectMs, leftMs)), signal);
  const session = new Session({ address, head, self, token, tls, ears, now });
  const spent = now() - began;
  await session.welcomed(Math.max(NOT_WORTH_MS, leftMs - spent - TIME.peekMs), signal);
  return session;
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
