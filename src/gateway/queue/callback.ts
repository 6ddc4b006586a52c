/** Tells a job's end to where its caller wants it: signed, tried again for a while, and only where callbacks may go. */
import { createHmac } from 'node:crypto';
import { type LookupAddress, lookup } from 'node:dns';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import pRetry from 'p-retry';
import { type CallbackHosts, hostOf, mayConnect } from './callback-hosts.ts';
import type { JobStatus, KeptReply } from './job.ts';

/** Beside the first try; pauses from 1 s, doubled, up to 30 s. Milliseconds. */
const RETRIES = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** For one try, to the head of its answer. */
const ANSWER_MS = 10_000;

export interface Told {
  readonly id: string;
  readonly status: JobStatus;
  readonly reply: KeptReply;
}

export interface CallbackOptions {
  readonly hosts: CallbackHosts;
  readonly secret: string;
  /** @default 1 s */
  readonly firstPauseMs?: number;
}

/** `delivered`: it was taken with 2xx; `refused`: a word that another try would not change; `failed`: tried in vain. */
export type CallbackOutcome = 'delivered' | 'refused' | 'failed';

export interface Delivery {
  readonly outcome: CallbackOutcome;
  readonly attempts: number;
}

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.ID.` and the body, so that no old callback can be sent again as a new one.
 *
 * @param at seconds since 1970
 */
export function signatureOf(secret: string, at: number, { id, reply }: Pick<Told, 'id' | 'reply'>): string {
  const hmac = createHmac('sha256', secret).update(`${at}.${id}.`).update(reply.body);
  return `t=${at},v1=${hmac.digest('hex')}`;
}

/** Never rejects. @param signal ends the trying */
export async function deliver(
  url: URL,
  told: Told,
  options: CallbackOptions,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  let attempts = 0;
  try {
    const once = () => {
      attempts += 1;
      return post(url, told, options, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
    };
    await pRetry(once, {
      retries: RETRIES,
      minTimeout: options.firstPauseMs ?? FIRST_PAUSE_MS,
      maxTimeout: LONGEST_PAUSE_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => !(error instanceof Refused),
    });
    return { outcome: 'delivered', attempts };
  } catch (error) {
    if (signal.aborted) return undefined;
    return { outcome: error instanceof Refused ? 'refused' : 'failed', attempts };
  }
}

/** Another try would be told the same. */
class Refused extends Error {}

/** What the same address may say otherwise a little later. */
const isPassing = (status: number): boolean => status >= 500 || status === 408 || status === 425 || status === 429;

async function post(url: URL, told: Told, options: CallbackOptions, signal: AbortSignal): Promise<void> {
  const { hosts, secret } = options;
  const host = hostOf(url);
  if (isIP(host) !== 0 && !mayConnect(host, hosts)) throw new Refused(`${host} is not allowed`);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const { type, headers, status } = JSON.parse(told.reply.head);
  const at = Math.floor(Date.now() / 1000);
  const how: RequestOptions = {
    method: 'POST',
    agent: false,
    signal,
    lookup: guarded(hosts),
    headers: {
      ...headers,
      'content-type': type,
      'content-length': told.reply.body.length,
      'x-muster-job': told.id,
      'x-muster-job-status': told.status,
      'x-muster-result-status': String(status),
      'x-muster-signature': signatureOf(secret, at, told),
    },
  };
  const asked = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, how, (response) => {
    resolve(response.statusCode ?? 0);
    response.destroy(); // what it says beside its status is nobody's
  });
  asked.on('error', reject);
  // An answer that switches protocols is neither an error nor an answer.
  asked.once('close', () => reject(new Error('closed without an answer')));
  asked.end(told.reply.body);
  const code = await promise;
  if (code >= 200 && code < 300) return;
  // A redirect is not followed: it may lead where a callback must not go.
  throw isPassing(code) ? new Error(`answered ${code}`) : new Refused(`answered ${code}`);
}

/** Node's lookup, without the addresses that a callback must not connect to: what is checked is what is connected to. */
const guarded =
  (hosts: CallbackHosts): LookupFunction =>
  (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[]) => {
      if (error) return done(error, [], 0);
      const allowed = found.filter(({ address }) => mayConnect(address, hosts));
      const [first] = allowed;
      if (!first) return done(new Refused(`${hostname} leads inside`), [], 0);
      if (options.all) return done(null, [...allowed]);
      return done(null, first.address, first.family);
    });
  };
