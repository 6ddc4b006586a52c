/** Requests that need no answer now, over HTTP: taken, looked at, fetched, cancelled. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayContext } from '../context.ts';
import { Failure, refuse } from '../failure.ts';
import { readBody } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import { Admission, OPEN } from '../ops/admission.ts';
import { jsonReply, type Reply } from '../protocol/reply.ts';
import { type Asked, serve } from '../request.ts';
import type { JobBook, Submitted } from './book.ts';
import { type CallbackHosts, checkCallback } from './callback-hosts.ts';
import type { JobClaims } from './claims.ts';
import {
  callerOf,
  describeJob,
  hashOf,
  isOver,
  isQueuedApi,
  type JobState,
  keptHeaders,
  preferenceOf,
  type QueuedApi,
  replyOf,
} from './job.ts';
import type { QueueSite } from './site.ts';
import type { Worker } from './worker.ts';

export interface QueueOptions {
  readonly context: GatewayContext;
  readonly site: QueueSite;
  readonly book: JobBook;
  readonly claims: JobClaims;
  readonly worker: Worker;
  readonly hosts: CallbackHosts;
}

/** Who only looks for an end does not hold a connection longer. Seconds. */
const MAX_WAIT_SECONDS = 60;
/** A word about an end may be lost with the connection to Redis: it is looked for beside that. */
const LOOK_MS = 1_000;
const MAX_KEY_BYTES = 255;
const ID_BYTES = 16;
const ID = /^[\w-]{22}$/;
const ASYNC = { 'preference-applied': 'respond-async' };

export class Queue {
  readonly #options: QueueOptions;
  readonly #door: Admission;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: QueueOptions) {
    const { settings } = options.context;
    this.#options = options;
    this.#door = new Admission({
      maxRunning: settings.max_concurrent_requests,
      maxWaiting: settings.max_queued_requests,
      maxWaitMs: settings.queue_timeout_seconds * 1000,
    });
    options.book.hear((id) => {
      options.worker.over(id);
      for (const each of this.#waiting.get(id) ?? []) each();
    });
    options.context.metrics.queue.watch(() => options.book.depth());
    options.worker.start();
  }

  /** Does the client of this request want it done later? */
  takes(api: string, headers: Exchange['headers']): boolean {
    return isQueuedApi(api) && preferenceOf(headers.prefer).async;
  }

  /** 202 when it is in Redis, and not before. Never rejects. */
  submit(exchange: Exchange, api: string, asked: Asked): Promise<void> {
    // It needs no place at the predictor; what it costs is bounded by `#door`.
    const context = { ...this.#options.context, admission: OPEN };
    return serve(context, exchange, { api: 'submit', asked }, async () => {
      const { gone, headers } = exchange;
      const leave = await this.#door.enter(gone);
      const job = await this.#handOver(exchange, api as QueuedApi, asked).finally(leave);
      exchange.send(await this.#answer(job, preferenceOf(headers.prefer).waitSeconds, gone));
    });
  }

  /** @throws Failure 404, also for somebody else's */
  async status(exchange: Exchange, id: string, wait: number): Promise<Reply> {
    return statusReply(200, await this.#own(exchange, id, wait));
  }

  /** What a call that waits would have been answered; 202 until it is there. @throws Failure 404, 410 */
  async result(exchange: Exchange, id: string, wait: number): Promise<Reply> {
    return this.#reply(await this.#own(exchange, id, wait));
  }

  /** What is not done will not be; what is, is forgotten. @throws Failure 404 */
  async cancel(exchange: Exchange, id: string): Promise<Reply> {
    const { book, worker } = this.#options;
    await this.#own(exchange, id, 0);
    const what = await book.cancel(id);
    if (what === '') throw unknown(id);
    worker.over(id);
    return jsonReply(200, { id, status: what });
  }

  drain(): Promise<void> {
    return this.#options.worker.drain();
  }

  async close(): Promise<void> {
    const { worker, claims, site } = this.#options;
    await worker.close();
    await claims.leave().catch(() => {}); // Redis is away: others forget us by and by
    site.close();
  }

  async #handOver(exchange: Exchange, api: QueuedApi, asked: Asked): Promise<Submitted> {
    const { context, book, hosts } = this.#options;
    const { headers } = exchange;
    const { forward_headers: forward, queue_max_bytes: maxBytes } = context.settings;
    const url = headers['x-callback-url'];
    const callback = url === undefined ? undefined : checkCallback(String(url), hosts).href;
    const caller = callerOf(headers, forward);
    const key = keyOf(headers['idempotency-key']);
    const idempotency = key === undefined ? undefined : hashOf([caller, key]);
    const body = await readBody(exchange.request, maxBytes, '--queue_max_bytes');
    exchange.receivedBytes = body.length;
    const request = { api, asked, headers: keptHeaders(headers, forward), body };
    const id = randomBytes(ID_BYTES).toString('base64url');
    return book.submit({ id, request, caller, idempotency, callback });
  }

  /** The answer itself when it comes while its client would wait, else where it will be. */
  async #answer({ id, isNew }: Submitted, wait: number, gone: AbortSignal): Promise<Reply> {
    const path = { ...ASYNC, location: `/v2/jobs/${id}` };
    const state = wait > 0 || !isNew ? await this.#wait(id, wait, gone) : undefined;
    if (state && wait > 0 && isOver(state)) return this.#reply(state);
    const reply = jsonReply(202, { id, status: state?.status ?? 'queued' });
    return { ...reply, headers: { ...path, 'retry-after': '1' } };
  }

  async #reply(state: JobState): Promise<Reply> {
    if (!isOver(state)) return statusReply(202, state);
    if (state.status === 'cancelled') throw new Failure(410, `the job ${state.id} was cancelled`);
    const kept = await this.#options.book.result(state.id);
    if (!kept) throw unknown(state.id);
    return replyOf(kept);
  }

  async #own({ headers, gone }: Exchange, id: string, wait: number): Promise<JobState> {
    const { book, context } = this.#options;
    const caller = callerOf(headers, context.settings.forward_headers);
    const state = ID.test(id) ? await book.state(id) : undefined;
    if (!state || state.caller !== caller) throw unknown(id);
    if (wait <= 0 || isOver(state)) return state;
    return (await this.#wait(id, wait, gone)) ?? state;
  }

  /** Its state when it is over, or when the time is. Nobody waits while this gateway drains. */
  async #wait(id: string, seconds: number, gone: AbortSignal): Promise<JobState | undefined> {
    const { book, context } = this.#options;
    const until = performance.now() + Math.min(seconds, MAX_WAIT_SECONDS) * 1000;
    for (;;) {
      const over = Promise.withResolvers<void>();
      const heard = () => over.resolve();
      this.#listen(id, heard);
      const timer = new AbortController();
      try {
        // Asked after it is listened for, so that no end falls between.
        const state = await book.state(id);
        const leftMs = until - performance.now();
        if (!state || isOver(state) || leftMs <= 0 || context.readiness.draining || gone.aborted) return state;
        const signal = AbortSignal.any([timer.signal, gone]);
        const late = sleep(Math.min(LOOK_MS, leftMs), undefined, { signal }).catch(() => {});
        await Promise.race([over.promise, late]);
      } finally {
        timer.abort();
        this.#unlisten(id, heard);
      }
    }
  }

  #listen(id: string, heard: () => void): void {
    this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(heard));
  }

  #unlisten(id: string, heard: () => void): void {
    const all = this.#waiting.get(id);
    all?.delete(heard);
    if (all?.size === 0) this.#waiting.delete(id);
  }
}

function statusReply(status: number, state: JobState): Reply {
  const reply = jsonReply(status, describeJob(state));
  return isOver(state) ? reply : { ...reply, headers: { 'retry-after': '1' } };
}

const unknown = (id: string): Failure => new Failure(404, `there is no job "${id.slice(0, 40)}"`);

function keyOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = String(header);
  if (key === '' || Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw refuse(`Idempotency-Key must have 1 to ${MAX_KEY_BYTES} bytes`);
  return key;
}
