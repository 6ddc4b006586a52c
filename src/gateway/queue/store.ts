/** Jobs in Redis: what `scripts.ts` does, in words. */
import type { Log } from '../../log.ts';
import { Failure } from '../failure.ts';
import {
  fingerprintOf,
  type JobRequest,
  type JobState,
  type JobStatus,
  type KeptReply,
  type QueuedApi,
} from './job.ts';
import { type Argument, RedisLink } from './redis.ts';
import { BEGIN, CANCEL, FINISH, GIVE_BACK, LEAVE, RENEW, SETTLE, SUBMIT } from './scripts.ts';

export interface StoreOptions {
  readonly url: string;
  /** The queue's. */
  readonly name: string;
  /** This gateway's own; no other one may have it. */
  readonly consumer: string;
  readonly maxJobs: number;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly log: Log;
}

export interface Submission {
  readonly id: string;
  readonly request: JobRequest;
  readonly caller: string;
  /** Undefined: every submission is a job. */
  readonly idempotency: string | undefined;
  readonly callback: string | undefined;
}

/** A job in this gateway's hands: the entry, and the owner of this one beginning. */
export interface Claim {
  readonly id: string;
  readonly entry: string;
  readonly owner: string;
}

export interface Begun {
  /** `spent`: it was begun too often; `callback`: it is done but for that; `gone`: there is nothing to do. */
  readonly what: 'run' | 'spent' | 'callback' | 'gone';
  readonly job: BegunJob;
}

export interface BegunJob extends JobRequest {
  readonly attempts: number;
  readonly submitted: number;
  readonly begun: number;
  /** Where its end is to be told. */
  readonly callback: string | undefined;
  /** The key of its key of idempotency, or ''. */
  readonly key: string;
}

export interface Depth {
  /** Jobs that are not done. */
  readonly jobs: number;
  /** Of these, in the hands of a gateway. */
  readonly taken: number;
  readonly oldestSeconds: number;
}

const GROUP = 'gateways';
/** Has what was given back. */
const NOBODY = 'nobody';
const BEGUN_FIELDS = [
  'api',
  'model',
  'version',
  'headers',
  'body',
  'attempts',
  'submitted',
  'begun',
  'callback',
  'key',
];
const STATE_FIELDS = [
  ...['status', 'model', 'caller', 'attempts', 'submitted', 'begun', 'finished', 'seq', 'callback'],
  ...['callback_state', 'callback_attempts'],
];
/** A consumer that nothing was heard of for so long has gone without a word. */
const FORGET_CONSUMER_MS = 3_600_000;

export class JobStore {
  readonly #options: StoreOptions;
  readonly #link: RedisLink;
  /** For what waits: it would hold everything else up. */
  readonly #reader: RedisLink;
  readonly #ear: RedisLink;
  readonly #prefix: string;
  /** Where the last look at all that is in somebody's hands ended. */
  #cursor = '0-0';

  constructor(options: StoreOptions) {
    const { url, log, name } = options;
    this.#options = options;
    // The braces keep all keys of a queue on one server of a cluster.
    this.#prefix = `muster:{${name}}:`;
    const quiet = { ...log, warn: () => {} }; // one line is enough for three connections
    this.#link = new RedisLink(url, log);
    this.#reader = new RedisLink(url, quiet);
    this.#ear = new RedisLink(url, quiet);
  }

  /** @param ended hears of each job that is over, whoever did it */
  hear(ended: (id: string) => void): void {
    this.#ear.hear(this.#channel, ended);
  }

  /**
   * In Redis when it resolves.
   *
   * @returns the id of the job; of the one that is there already for the same key
   * @throws Failure 429 when there are too many · 422 for a key that stands for another request · 503
   */
  async submit({ id, request, caller, idempotency, callback }: Submission): Promise<string> {
    const { api, asked, headers, body } = request;
    const print = idempotency === undefined ? '' : `${fingerprintOf(request)} `;
    const key = idempotency === undefined ? '' : `${this.#prefix}key:${idempotency}`;
    const fields: Argument[] = [
      ...['api', api, 'model', asked.model, 'version', asked.version, 'headers', JSON.stringify(headers)],
      ...['caller', caller, 'key', key, ...(callback === undefined ? [] : ['callback', callback])],
      ...['body', Buffer.from(body.buffer, body.byteOffset, body.length)],
    ];
    const keys = [this.#stream, this.#meta, this.#job(id), key || this.#meta];
    const [how, known] = await this.#run<[string, string]>(SUBMIT, keys, [
      ...[String(this.#options.maxJobs), id, print],
      ...fields,
    ]);
    if (how === 'full')
      throw new Failure(429, `${this.#options.maxJobs} jobs wait already (--queue_max_jobs)`, { retryAfter: 5 });
    if (how === 'other') throw new Failure(422, 'this Idempotency-Key was used for another request');
    return known;
  }

  async state(id: string): Promise<JobState | undefined> {
    const [values, begunSeq] = await Promise.all([
      this.#link.send<(string | null)[]>(['HMGET', this.#job(id), ...STATE_FIELDS]),
      this.#link.send<string | null>(['HGET', this.#meta, 'begun']),
    ]);
    const [status, model, caller, attempts, submitted, begun, finished, seq, callback, state, tried] = values;
    if (!status) return undefined;
    return {
      id,
      status: status as JobStatus,
      model: model ?? '',
      caller: caller ?? '',
      attempts: Number(attempts),
      submitted: Number(submitted),
      begun: numberOf(begun),
      finished: numberOf(finished),
      ahead: Math.max(0, Number(seq) - Number(begunSeq ?? 0) - 1),
      callback: callback ?? undefined,
      callbackState: state ?? undefined,
      callbackAttempts: Number(tried ?? 0),
    };
  }

  async result(id: string): Promise<KeptReply | undefined> {
    const [head, body] = await this.#link.send<(Buffer | null)[]>(['HMGET', this.#job(id), 'head', 'result'], {
      binary: true,
    });
    return head && body ? { head: String(head), body } : undefined;
  }

  /** @returns what became of it; '' when there was none */
  async cancel(id: string): Promise<string> {
    const key = (await this.#link.send<string | null>(['HGET', this.#job(id), 'key'])) ?? '';
    const keys = [this.#stream, this.#job(id), key || this.#none];
    return this.#run<string>(CANCEL, keys, [GROUP, this.#ttl, this.#channel, id]);
  }

  /** The next job that nobody has, when one comes within `blockMs`. */
  async next(blockMs: number): Promise<Omit<Claim, 'owner'> | undefined> {
    const { consumer } = this.#options;
    const args = ['XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', '1', 'BLOCK', String(blockMs)];
    const reply = await this.#grouped(() =>
      this.#reader.send<unknown>([...args, 'STREAMS', this.#stream, '>'], { withinMs: blockMs + 5_000 }),
    );
    if (reply === null || typeof reply !== 'object') return undefined;
    // RESP3 gives a map, RESP2 a list of pairs.
    const [entries] = Array.isArray(reply) ? reply.map((pair) => pair[1]) : Object.values(reply);
    return claimsOf(entries)[0];
  }

  /** Jobs whose gateway has not been heard of for a lease, and those that were given back. */
  async abandoned(most: number): Promise<readonly Omit<Claim, 'owner'>[]> {
    const { consumer, leaseMs } = this.#options;
    const args = ['XAUTOCLAIM', this.#stream, GROUP, consumer, String(leaseMs), this.#cursor, 'COUNT', String(most)];
    const [cursor, entries] = await this.#grouped(() => this.#link.send<[string, unknown]>(args));
    this.#cursor = cursor;
    return claimsOf(entries);
  }

  async begin({ id, entry, owner }: Claim): Promise<Begun> {
    const keys = [this.#stream, this.#meta, this.#job(id)];
    const { maxAttempts, consumer } = this.#options;
    const args = [GROUP, entry, owner, String(maxAttempts), consumer, ...BEGUN_FIELDS];
    const [what, ...values] = await this.#run<(Buffer | null)[]>(BEGIN, keys, args, true);
    const text = (at: number) => String(values[at] ?? '');
    return {
      what: String(what) as Begun['what'],
      job: {
        api: text(0) as QueuedApi,
        asked: { model: text(1), version: text(2) },
        headers: JSON.parse(text(3) || '{}') as Record<string, string>,
        body: values[4] ?? Buffer.alloc(0),
        attempts: Number(text(5)),
        submitted: Number(text(6)),
        begun: Number(text(7)),
        callback: text(8) || undefined,
        key: text(9),
      },
    };
  }

  /** @returns whether it was still ours to finish */
  async finish(
    { id, entry, owner }: Claim,
    { key, callback }: BegunJob,
    { status, reply }: { readonly status: 'done' | 'failed'; readonly reply: KeptReply },
  ): Promise<boolean> {
    const keys = [this.#stream, this.#job(id), key || this.#none];
    const how = [status, this.#ttl, callback === undefined ? '' : 'pending'];
    const args = [GROUP, entry, owner, ...how, reply.head, reply.body, this.#channel, id];
    return (await this.#run<number>(FINISH, keys, args)) === 1;
  }

  /** @param state `delivered`, `failed`, `refused` */
  async settle({ id, entry, owner }: Claim, state: string, attempts: number): Promise<void> {
    await this.#run(SETTLE, [this.#stream, this.#job(id)], [GROUP, entry, owner, state, String(attempts)]);
  }

  /** Another gateway has it, or this one, after `pauseMs`. @param counts whether this attempt is one */
  async giveBack({ id, entry, owner }: Claim, pauseMs: number, counts: boolean): Promise<void> {
    const idleMs = Math.max(0, Math.round(this.#options.leaseMs - pauseMs));
    const args = [GROUP, entry, owner, String(idleMs), counts ? '1' : '0'];
    await this.#run(GIVE_BACK, [this.#stream, this.#job(id)], args);
  }

  /** One that was not begun: others may have it at once. */
  async release(entry: string): Promise<void> {
    const idle = String(this.#options.leaseMs);
    await this.#link.send(['XCLAIM', this.#stream, GROUP, NOBODY, '0', entry, 'IDLE', idle, 'JUSTID']);
  }

  /** Says that these are being worked on. @returns those that are not ours any more */
  async renew(claims: readonly Claim[]): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    const keys = [this.#stream, ...claims.map(({ id }) => this.#job(id))];
    const args = [GROUP, this.#options.consumer, ...claims.flatMap(({ entry, owner }) => [entry, owner])];
    const ours = await this.#run<number[]>(RENEW, keys, args);
    return claims.filter((_, at) => ours[at] !== 1);
  }

  async depth(): Promise<Depth> {
    const [jobs, first, pending, clock] = await Promise.all([
      this.#link.send<number>(['XLEN', this.#stream]),
      this.#link.send<[string, unknown][]>(['XRANGE', this.#stream, '-', '+', 'COUNT', '1']),
      this.#grouped(() => this.#link.send<[number]>(['XPENDING', this.#stream, GROUP])),
      this.#link.send<[string, string]>(['TIME']),
    ]);
    const since = Number(first[0]?.[0].split('-')[0] ?? Number.NaN);
    const oldest = Number(clock[0]) - since / 1000;
    return { jobs, taken: Number(pending[0]), oldestSeconds: first.length > 0 ? Math.max(0, oldest) : 0 };
  }

  /** Forgets this consumer, and those that went without a word. */
  async leave(): Promise<void> {
    await this.#run(LEAVE, [this.#stream], [GROUP, this.#options.consumer, String(FORGET_CONSUMER_MS)]);
  }

  close(): void {
    for (const each of [this.#link, this.#reader, this.#ear]) each.close();
  }

  #run<T>(script: string, keys: readonly string[], args: readonly Argument[], binary = false): Promise<T> {
    return this.#link.send<T>(['EVAL', script, String(keys.length), ...keys, ...args], { binary });
  }

  /** The group is made by who first misses it: on an empty Redis, or one that has lost everything. */
  async #grouped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!/NOGROUP/.test((error as Error).message)) throw error;
      const make = ['XGROUP', 'CREATE', this.#stream, GROUP, '0', 'MKSTREAM'];
      await this.#link.send(make).catch((failed: Error) => {
        if (!/BUSYGROUP/.test(failed.message)) throw failed;
      });
      return work();
    }
  }

  get #ttl(): string {
    return String(Math.round(this.#options.ttlMs));
  }

  get #stream(): string {
    return `${this.#prefix}jobs`;
  }

  get #meta(): string {
    return `${this.#prefix}meta`;
  }

  /** A key that is never there. */
  get #none(): string {
    return `${this.#prefix}none`;
  }

  get #channel(): string {
    return `${this.#prefix}over`;
  }

  #job(id: string): string {
    return `${this.#prefix}job:${id}`;
  }
}

const numberOf = (value: string | null | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value);

function claimsOf(entries: unknown): Omit<Claim, 'owner'>[] {
  if (!Array.isArray(entries)) return [];
  return (entries as ([string, string[]] | null)[]).flatMap((each) =>
    each?.[1]?.[1] === undefined ? [] : [{ entry: each[0], id: each[1][1] }],
  );
}
