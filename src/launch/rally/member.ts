/**
 * A worker's side of the rally: reaches the head, however late it comes, takes its seat, and hears the head's decisions.
 *
 * Before the start a lost head is looked for again; after it the group is lost with the head. What can never succeed
 * (another token, plan, version, model, a taken rank) ends at once with the head's own words.
 */
import { MusterError, reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Tls } from '../../wire/tls.ts';
import { attempt } from './attempt.ts';
import { type Lookup, Missed, systemLookup } from './dial.ts';
import { endingOf, errorOf, groupLost } from './endings.ts';
import { TIME } from './limits.ts';
import { breathe, persistently } from './persist.ts';
import type { Ending, EngineCall, Hello, Phase, RallyMember, Seat, StartOrder, Waiting } from './rally.ts';
import type { Ears, Missing, Session, SessionEnd, Welcomed } from './session.ts';
import { outOfTime, type Where, waitingLine, workerWaits } from './waiting.ts';
import { hostPort } from './words.ts';

export interface RallyMemberOptions {
  readonly head: { readonly host: string; readonly port: number };
  readonly self: Hello;
  /** At least 16 bytes (checked by the caller); undefined: the head must have none either. */
  readonly token: string | undefined;
  /** Undefined: the head must speak without TLS too. */
  readonly tls?: Tls | undefined;
  /** How long to look for the head, all attempts together. Once seated, the head's own limit counts. */
  readonly timeoutMs: number;
  /** How often to say what is waited for. */
  readonly progressMs: number;
  /** @default the operating system's resolver */
  readonly lookup?: Lookup;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

export const joinRally = (options: RallyMemberOptions): RallyMember => new Worker(options);

class Worker implements RallyMember, Ears {
  readonly seated: Promise<Seat>;
  readonly prepared: Promise<EngineCall>;
  readonly started: Promise<StartOrder>;
  readonly ended: Promise<Ending>;
  readonly #options: RallyMemberOptions;
  readonly #seated = Promise.withResolvers<Seat>();
  readonly #prepared = Promise.withResolvers<EngineCall>();
  readonly #started = Promise.withResolvers<StartOrder>();
  readonly #ended = Promise.withResolvers<Ending>();
  /** Aborted when nothing is to be tried any more; the reason is a MusterError. */
  readonly #life = new AbortController();
  readonly #bornAt: number;
  readonly #progress: NodeJS.Timeout;
  readonly #listeners: ((phase: Phase) => void)[] = [];
  #where: Where = {};
  /** When what it waits for now became that. */
  #waitsSince: number;
  #welcomed: Welcomed | undefined;
  #session: Session | undefined;
  #phase: Phase = 'joined';
  #headPhase: Phase | undefined;
  #isPrepared = false;
  #isStarted = false;
  #handedOver = false;

  constructor(options: RallyMemberOptions) {
    this.#options = options;
    this.#bornAt = options.now();
    this.#waitsSince = this.#bornAt;
    this.seated = this.#seated.promise;
    this.prepared = this.#prepared.promise;
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    for (const each of [this.seated, this.prepared, this.started]) each.catch(() => {}); // nobody has to listen to all
    this.#progress = setInterval(() => this.#tell(), options.progressMs).unref();
    this.#live().catch((cause) => this.#finish(bug(cause), cause));
  }

  onHeadPhase(listener: (phase: Phase) => void): void {
    this.#listeners.push(listener);
    if (this.#headPhase) listener(this.#headPhase);
  }

  report(phase: Phase): void {
    this.#phase = phase;
    this.#session?.send({ kind: 'report', value: { phase } });
  }

  waiting(): Waiting | undefined {
    if (this.#life.signal.aborted) return undefined;
    const head = { name: this.#welcomed?.head, since: this.#waitsSince };
    return workerWaits(this.#where, this.#wait(), head);
  }

  blame(ending: Ending): boolean {
    if (!this.#isStarted || this.#life.signal.aborted) return false;
    this.#session?.send({ kind: 'leave', value: { ending } });
    return true;
  }

  async leave(reason: Ending): Promise<void> {
    const ending = { ...reason, culprit: reason.culprit ?? this.#options.self.member };
    const session = this.#session;
    session?.send({ kind: 'leave', value: { ending } });
    this.#finish(ending);
    await session?.close(TIME.farewellMs);
  }

  async handOver(): Promise<void> {
    const session = this.#session;
    this.#handedOver = true;
    session?.send({ kind: 'handOver', value: {} });
    this.#quiet(new MusterError(handedOver));
    await session?.close(TIME.farewellMs);
  }

  onChallenge(): void {
    this.#where = { ...this.#where, wasReached: true };
  }

  onWelcome(welcomed: Welcomed) {
    const { seat, head, headIncarnation } = welcomed;
    const before = this.#welcomed;
    this.#welcomed = welcomed;
    this.#where = { ...this.#where, seat, missing: undefined };
    this.#waitsSince = this.#options.now();
    if (before && hasChanged(before, welcomed, this.#isPrepared)) {
      return this.#finish(
        groupLost(`generation ${before.seat.generation} ended: the head ${head} was restarted`, head),
      );
    }
    if (before) this.#options.log.info(`back at the head ${head} (incarnation ${headIncarnation})`);
    this.#seated.resolve(seat);
  }

  onPrepare(call: EngineCall): void {
    this.#isPrepared = true;
    this.#prepared.resolve(call);
  }

  onStart(order: StartOrder): void {
    this.#isStarted = true;
    clearInterval(this.#progress);
    this.#started.resolve(order);
  }

  onPhase(phase: Phase): void {
    if (phase === this.#headPhase) return;
    this.#headPhase = phase;
    this.#where = { ...this.#where, headPhase: phase };
    this.#waitsSince = this.#options.now();
    for (const listener of this.#listeners) listener(phase);
  }

  onMissing(missing: Missing): void {
    if (missing.count === 0 && this.#where.missing?.count !== 0) this.#waitsSince = this.#options.now();
    this.#where = { ...this.#where, missing };
  }

  /** Reach the head, stay with it, reach it again, until the end. */
  async #live(): Promise<void> {
    const { signal } = this.#life;
    try {
      while (!signal.aborted) {
        const session = await this.#reach();
        this.#session = session;
        if (signal.aborted) return await session.close(0);
        if (this.#phase !== 'joined') session.send({ kind: 'report', value: { phase: this.#phase } });
        const since = this.#options.now();
        const end = await session.ended;
        if (signal.aborted) return;
        this.#session = undefined;
        await session.close(0);
        this.#judge(end);
        if (this.#options.now() - since < TIME.retryMs) await breathe(signal);
      }
    } catch (cause) {
      if (!(cause instanceof MusterError)) throw cause;
      const { code, message, hint, exitStatus } = cause;
      if (!signal.aborted) this.#finish({ code, message, hint, exitStatus, culprit: undefined }, cause);
    }
  }

  #judge(end: SessionEnd) {
    const { log } = this.#options;
    if (end.how === 'stopped') return this.#finish(end.ending);
    if (end.how === 'refused' && !end.retry)
      return this.#finish(endingOf(end.refusals[0]), new MusterError(end.refusals));
    if (this.#headPhase === 'handed-over') {
      this.#quiet(new MusterError(handedOver));
      return log.info('the head has handed its machine over to the server; the rally no longer watches the group');
    }
    const why = end.how === 'lost' ? end.why : end.refusals[0].message;
    const head = this.#welcomed?.head ?? this.#options.head.host;
    if (!this.#isStarted) return log.warn(`the head ${head} ${why}; looking for it again`);
    this.#finish(groupLost(`generation ${this.#welcomed?.seat.generation ?? 0} ended: the head ${head} ${why}`, head));
  }

  async #reach(): Promise<Session> {
    const { head, token, tls, lookup = systemLookup, now, timeoutMs } = this.#options;
    this.#where = { wasReached: this.#where.wasReached, last: this.#where.last };
    this.#waitsSince = now();
    const { self } = this.#options;
    const preferredRank = this.#welcomed?.seat.rank ?? self.preferredRank;
    const deadline = new AbortController();
    const leftMs = Math.max(0, this.#bornAt + timeoutMs - now());
    const timer = setTimeout(() => deadline.abort(new MusterError(outOfTime(this.#where, head, timeoutMs))), leftMs);
    const signal = AbortSignal.any([this.#life.signal, deadline.signal]);
    const once = async () => {
      try {
        return await attempt({ head, self: { ...self, preferredRank }, token, tls, lookup, ears: this, now }, signal);
      } catch (cause) {
        if (cause instanceof Missed) this.#missed(cause);
        throw cause;
      }
    };
    try {
      return await persistently(once, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #missed(last: Missed) {
    const changed = this.#where.last?.message !== last.message;
    this.#where = { ...this.#where, last };
    if (changed) this.#options.log.debug(`${last.layer}: ${last.message}`);
  }

  #tell() {
    this.#options.log.info(waitingLine(this.#where, this.#wait()));
  }

  #wait() {
    const { head, now, timeoutMs } = this.#options;
    return { head: hostPort(head.host, head.port), waitedMs: now() - this.#bornAt, timeoutMs };
  }

  #finish(ending: Ending, error: unknown = errorOf(ending)) {
    if (this.#life.signal.aborted) return;
    this.#quiet(error);
    this.#ended.resolve(ending);
  }

  /** Nothing more is tried or awaited. */
  #quiet(error: unknown) {
    if (this.#life.signal.aborted) return;
    clearInterval(this.#progress);
    this.#life.abort(error);
    for (const each of [this.#seated, this.#prepared, this.#started]) each.reject(error);
    if (!this.#handedOver) this.#session?.close(TIME.farewellMs);
  }
}

/** What was promised to the engine no longer holds. */
const hasChanged = (before: Welcomed, after: Welcomed, isPrepared: boolean): boolean =>
  before.seat.rank !== after.seat.rank ||
  before.seat.generation !== after.seat.generation ||
  (isPrepared && before.headIncarnation !== after.headIncarnation);

const handedOver = {
  code: 'GROUP_LOST',
  message: 'the machine was handed over to the server',
  hint: 'Nothing is wrong: muster no longer watches it.',
} as const;

const bug = (cause: unknown): Ending =>
  endingOf({ code: 'BUG', message: `the rally failed: ${reasonOf(cause)}`, hint: 'Report this as a bug of muster.' });
