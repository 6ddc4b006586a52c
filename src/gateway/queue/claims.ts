/** Jobs as a gateway does them: found, begun, kept, ended, given back. */
import type { JobRequest, KeptReply, QueuedApi } from './job.ts';
import { BEGIN, FINISH, GIVE_BACK, LEAVE, RENEW, SETTLE } from './scripts.ts';
import { GROUP, type QueueSite } from './site.ts';

export interface ClaimsOptions {
  readonly site: QueueSite;
  /** This gateway's own; no other one may have it. */
  readonly consumer: string;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
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
/** A consumer that nothing was heard of for so long has gone without a word. */
const FORGET_CONSUMER_MS = 3_600_000;

export class JobClaims {
  readonly #site: QueueSite;
  readonly #options: ClaimsOptions;
  /** Where the last look at all that is in somebody's hands ended. */
  #cursor = '0-0';

  constructor(options: ClaimsOptions) {
    this.#site = options.site;
    this.#options = options;
  }

  /** The next job that nobody has, when one comes within `blockMs`. */
  async next(blockMs: number): Promise<Omit<Claim, 'owner'> | undefined> {
    const { consumer } = this.#options;
    const args = ['XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', '1', 'BLOCK', String(blockMs)];
    const reply = await this.#site.grouped(() =>
      this.#site.reader.send<unknown>([...args, 'STREAMS', this.#site.stream, '>'], { withinMs: blockMs + 5_000 }),
    );
    if (reply === null || typeof reply !== 'object') return undefined;
    // RESP3 gives a map, RESP2 a list of pairs.
    const [entries] = Array.isArray(reply) ? reply.map((pair) => pair[1]) : Object.values(reply);
    return claimsOf(entries)[0];
  }

  /** Jobs whose gateway has not been heard of for a lease, and those that were given back. */
  async abandoned(most: number): Promise<readonly Omit<Claim, 'owner'>[]> {
    const { consumer, leaseMs } = this.#options;
    const args = [
      'XAUTOCLAIM',
      this.#site.stream,
      GROUP,
      consumer,
      String(leaseMs),
      this.#cursor,
      'COUNT',
      String(most),
    ];
    const [cursor, entries] = await this.#site.grouped(() => this.#site.link.send<[string, unknown]>(args));
    this.#cursor = cursor;
    return claimsOf(entries);
  }

  async begin({ id, entry, owner }: Claim): Promise<Begun> {
    const keys = [this.#site.stream, this.#site.meta, this.#site.job(id)];
    const { maxAttempts, consumer } = this.#options;
    const args = [GROUP, entry, owner, String(maxAttempts), consumer, ...BEGUN_FIELDS];
    const [what, ...values] = await this.#site.run<(Buffer | null)[]>(BEGIN, keys, args, true);
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
    const keys = [this.#site.stream, this.#site.job(id), key || this.#site.none];
    const how = [status, String(Math.round(this.#options.ttlMs)), callback === undefined ? '' : 'pending'];
    const args = [GROUP, entry, owner, ...how, reply.head, reply.body, this.#site.channel, id];
    return (await this.#site.run<number>(FINISH, keys, args)) === 1;
  }

  /** @param state `delivered`, `failed`, `refused` */
  async settle({ id, entry, owner }: Claim, state: string, attempts: number): Promise<void> {
    await this.#site.run(
      SETTLE,
      [this.#site.stream, this.#site.job(id)],
      [GROUP, entry, owner, state, String(attempts)],
    );
  }

  /** Another gateway has it, or this one, after `pauseMs`. @param counts whether this attempt is one */
  async giveBack({ id, entry, owner }: Claim, pauseMs: number, counts: boolean): Promise<void> {
    const idleMs = Math.max(0, Math.round(this.#options.leaseMs - pauseMs));
    const args = [GROUP, entry, owner, String(idleMs), counts ? '1' : '0'];
    await this.#site.run(GIVE_BACK, [this.#site.stream, this.#site.job(id)], args);
  }

  /** One that was not begun: others may have it at once. */
  async release(entry: string): Promise<void> {
    const idle = String(this.#options.leaseMs);
    await this.#site.link.send(['XCLAIM', this.#site.stream, GROUP, NOBODY, '0', entry, 'IDLE', idle, 'JUSTID']);
  }

  /** Says that these are being worked on. @returns those that are not ours any more */
  async renew(claims: readonly Claim[]): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    const keys = [this.#site.stream, ...claims.map(({ id }) => this.#site.job(id))];
    const args = [GROUP, this.#options.consumer, ...claims.flatMap(({ entry, owner }) => [entry, owner])];
    const ours = await this.#site.run<number[]>(RENEW, keys, args);
    return claims.filter((_, at) => ours[at] !== 1);
  }

  /** Forgets this consumer, and those that went without a word. */
  async leave(): Promise<void> {
    await this.#site.run(LEAVE, [this.#site.stream], [GROUP, this.#options.consumer, String(FORGET_CONSUMER_MS)]);
  }
}

function claimsOf(entries: unknown): Omit<Claim, 'owner'>[] {
  if (!Array.isArray(entries)) return [];
  return (entries as ([string, string[]] | null)[]).flatMap((each) =>
    each?.[1]?.[1] === undefined ? [] : [{ entry: each[0], id: each[1][1] }],
  );
}
