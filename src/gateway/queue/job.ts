/** What a job is, who may see it, and what is said of it. Pure. */
import { createHash } from 'node:crypto';
import { isTracing } from '../cache/key.ts';
import type { Reply } from '../protocol/reply.ts';
import { type Asked, forwarded } from '../request.ts';
import { VARIANT_HEADER } from '../upstream/variants.ts';

/** The APIs whose requests may wait: those with one answer. */
export const QUEUED_APIS = ['v1', 'v2', 'explain', 'generate'] as const;
export type QueuedApi = (typeof QUEUED_APIS)[number];

export const isQueuedApi = (api: string): api is QueuedApi => (QUEUED_APIS as readonly string[]).includes(api);

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What is asked for, as it is kept until it is done. */
export interface JobRequest {
  readonly api: QueuedApi;
  readonly asked: Asked;
  /** Of the client's those that its work looks at: what is forwarded, and what says how to read the body. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** What is known of a job without its bodies. Times: milliseconds since 1970 on Redis's clock. */
export interface JobState {
  readonly id: string;
  readonly status: JobStatus;
  readonly model: string;
  /** SHA-256 of who asked. */
  readonly caller: string;
  readonly attempts: number;
  readonly submitted: number;
  readonly begun: number | undefined;
  readonly finished: number | undefined;
  /** At most so many jobs are begun before it. */
  readonly ahead: number | undefined;
  readonly callback: string | undefined;
  readonly callbackState: string | undefined;
  readonly callbackAttempts: number;
}

/** Beside the forwarded headers: what says how to read the body. */
const BODY_HEADERS = ['content-type', 'inference-header-content-length'];

/** Of a client's headers those that its job is done with. */
export function keptHeaders(headers: Headers, forward: readonly string[]): Readonly<Record<string, string>> {
  return forwarded(headers, [...forward, ...BODY_HEADERS]);
}

/**
 * Who asks, by the rule of the cache: each forwarded header but those for tracing tells callers apart, `authorization`
 * above all. A wish for a variant is not who somebody is.
 */
export function callerOf(headers: Headers, forward: readonly string[]): string {
  const names = forward.filter((name) => !isTracing(name) && name !== VARIANT_HEADER).sort();
  return hashOf(names.flatMap((name) => (headers[name] === undefined ? [] : [`${name}=${String(headers[name])}`])));
}

/** The same for the same request: a key of idempotency must not stand for two. */
export const fingerprintOf = ({ api, asked, headers, body }: JobRequest): string =>
  hashOf([api, asked.model, asked.version, headers['inference-header-content-length'] ?? '', body]);

/** Each part behind its length, or else one could be pushed into the next. */
export function hashOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url');
}

/** RFC 7240: `respond-async`, and `wait=N` seconds for who would take the answer itself if it comes soon. */
export interface Preference {
  readonly async: boolean;
  readonly waitSeconds: number;
}

export function preferenceOf(header: string | readonly string[] | undefined): Preference {
  const all = String(header ?? '')
    .split(',')
    .map((each) => (each.split(';')[0] ?? '').trim().toLowerCase());
  const wait = all.map((each) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(each)?.[1]).find((each) => each !== undefined);
  return { async: all.includes('respond-async'), waitSeconds: Number(wait ?? 0) };
}

export const isOver = ({ status }: Pick<JobState, 'status'>): boolean => status !== 'queued' && status !== 'running';

const time = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

/** What its caller is told; `position` 1 is next. */
export function describeJob(state: JobState): Readonly<Record<string, unknown>> {
  const { id, status, model, attempts, submitted, begun, finished, ahead, callback } = state;
  return {
    id,
    status,
    model_name: model,
    attempts,
    submitted: time(submitted),
    started: time(begun),
    finished: time(finished),
    ...(status === 'queued' && ahead !== undefined ? { position: ahead + 1 } : {}),
    ...(callback === undefined
      ? {}
      : { callback: { url: callback, status: state.callbackState ?? 'waiting', attempts: state.callbackAttempts } }),
  };
}

/** Nobody answered: another try may. Everything else is an answer, and the same the next time. */
export const worthAnotherTry = (status: number): boolean => status === 429 || status === 502 || status === 503;

/** Milliseconds before the next one: 1 s, doubled, never longer than a lease. @param attempts made so far, from 1 */
export const pauseMs = (attempts: number, leaseMs: number): number => Math.min(leaseMs, 1_000 * 2 ** (attempts - 1));

/** A reply as it is kept: its head as text, its body behind it. */
export interface KeptReply {
  readonly head: string;
  readonly body: Buffer;
}

export function keepReply({ status, type, headers = {}, parts, rest }: Reply): KeptReply {
  const all = rest ? [...rest] : parts;
  const body = Buffer.concat(all.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return { head: JSON.stringify({ status, type, headers }), body };
}

export function replyOf({ head, body }: KeptReply): Reply {
  const { status, type, headers } = JSON.parse(head) as Omit<Reply, 'parts'>;
  return { status, type, ...(headers ? { headers } : {}), parts: [body] };
}
