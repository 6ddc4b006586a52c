/** Jobs as their callers meet them: handed in, looked at, fetched, cancelled. */
import { Failure } from '../failure.ts';
import { fingerprintOf, type JobRequest, type JobState, type JobStatus, type KeptReply } from './job.ts';
import type { Argument } from './redis.ts';
import { CANCEL, SUBMIT } from './scripts.ts';
import { GROUP, type QueueSite } from './site.ts';

export interface BookOptions {
  readonly site: QueueSite;
  readonly maxJobs: number;
  readonly ttlMs: number;
}

export interface Submission {
  readonly id: string;
  readonly request: JobRequest;
  readonly caller: string;
  /** Undefined: every submission is a job. */
  readonly idempotency: string | undefined;
  readonly callback: string | undefined;
}

export interface Submitted {
  readonly id: string;
  readonly isNew: boolean;
}

export interface Depth {
  /** Jobs that are not done. */
  readonly jobs: number;
  /** Of these, in the hands of a gateway. */
  readonly taken: number;
  readonly oldestSeconds: number;
}

const STATE_FIELDS = [
  ...['status', 'model', 'caller', 'attempts', 'submitted', 'begun', 'finished', 'seq', 'callback'],
  ...['callback_state', 'callback_attempts'],
];

/** Somebody waits for /metrics. */
const SOON = { withinMs: 1_000 };

export class JobBook {
  readonly #site: QueueSite;
  readonly #options: BookOptions;

  constructor(options: BookOptions) {
    this.#site = options.site;
    this.#options = options;
  }

  /** @param ended hears of each job that is over, whoever did it */
  hear(ended: (id: string) => void): void {
    this.#site.ear.hear(this.#site.channel, ended);
  }

  /**
   * In Redis when it resolves.
   *
   * @returns its id, or that of the job that is there already for the same key
   * @throws Failure 429 when there are too many · 422 for a key that stands for another request · 503
   */
  async submit({ id, request, caller, idempotency, callback }: Submission): Promise<Submitted> {
    const { api, asked, headers, body } = request;
    const print = idempotency === undefined ? '' : `${fingerprintOf(request)} `;
    const key = idempotency === undefined ? '' : this.#site.key(idempotency);
    const fields: Argument[] = [
      ...['api', api, 'model', asked.model, 'version', asked.version, 'headers', JSON.stringify(headers)],
      ...['caller', caller, 'key', key, ...(callback === undefined ? [] : ['callback', callback])],
      ...['body', Buffer.from(body.buffer, body.byteOffset, body.length)],
    ];
    const keys = [this.#site.stream, this.#site.meta, this.#site.job(id), key || this.#site.meta];
    const [how, known] = await this.#site.run<[string, string]>(SUBMIT, keys, [
      ...[String(this.#options.maxJobs), id, print],
      ...fields,
    ]);
    if (how === 'full')
      throw new Failure(429, `${this.#options.maxJobs} jobs wait already (--queue_max_jobs)`, { retryAfter: 5 });
    if (how === 'other') throw new Failure(422, 'this Idempotency-Key was used for another request');
    return { id: known, isNew: how === 'new' };
  }

  async state(id: string): Promise<JobState | undefined> {
    const [values, begunSeq] = await Promise.all([
      this.#site.link.send<(string | null)[]>(['HMGET', this.#site.job(id), ...STATE_FIELDS]),
      this.#site.link.send<string | null>(['HGET', this.#site.meta, 'begun']),
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
    const [head, body] = await this.#site.link.send<(Buffer | null)[]>(
      ['HMGET', this.#site.job(id), 'head', 'result'],
      {
        binary: true,
      },
    );
    return head && body ? { head: String(head), body } : undefined;
  }

  /** @returns what became of it; '' when there was none */
  async cancel(id: string): Promise<string> {
    const key = (await this.#site.link.send<string | null>(['HGET', this.#site.job(id), 'key'])) ?? '';
    const keys = [this.#site.stream, this.#site.job(id), key || this.#site.none];
    return this.#site.run<string>(CANCEL, keys, [
      GROUP,
      String(Math.round(this.#options.ttlMs)),
      this.#site.channel,
      id,
    ]);
  }

  async depth(): Promise<Depth> {
    const [jobs, first, pending, clock] = await Promise.all([
      this.#site.link.send<number>(['XLEN', this.#site.stream], SOON),
      this.#site.link.send<[string, unknown][]>(['XRANGE', this.#site.stream, '-', '+', 'COUNT', '1'], SOON),
      this.#site.grouped(() => this.#site.link.send<[number]>(['XPENDING', this.#site.stream, GROUP], SOON)),
      this.#site.link.send<[string, string]>(['TIME'], SOON),
    ]);
    const since = Number(first[0]?.[0].split('-')[0] ?? Number.NaN);
    const oldest = Number(clock[0]) - since / 1000;
    return { jobs, taken: Number(pending[0]), oldestSeconds: first.length > 0 ? Math.max(0, oldest) : 0 };
  }
}

const numberOf = (value: string | null | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value);
