/**
 * Does jobs, some at once, after all other requests. A job belongs to a gateway while it is heard of: its claim is renewed,
 * and one whose gateway has fallen silent is done by another one.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Claim } from './claims.ts';
import { doJob, type JobParts, type Running, type Why } from './do-job.ts';

export interface WorkerOptions extends Omit<JobParts, 'closing' | 'telling'> {
  readonly concurrency: number;
}

/** Callbacks that are being delivered; with more, no new job is taken. */
const MAX_TELLING = 64;
const BLOCK_MS = 1_000;
const TICK_MS = 1_000;
/** While Redis is away. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export class Worker {
  readonly #options: WorkerOptions;
  /** By their entries. */
  readonly #running = new Map<string, Running>();
  readonly #ending = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #closing = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();
  #freed = Promise.withResolvers<void>();

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.concurrency === 0) return;
    const reading = this.#persist(this.#stopping.signal, () => this.#read());
    this.#loops = Promise.all([reading, this.#persist(this.#closing.signal, () => this.#tick())]);
  }

  /** A job was cancelled, or is done by another one. */
  over(id: string): void {
    this.#stop('cancelled', ({ claim, phase }) => claim.id === id && phase === 'running');
  }

  /** Takes no more; resolves when those that are being done have ended. */
  async drain(): Promise<void> {
    this.#stopTaking();
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  /** What is being done is given back. */
  async close(): Promise<void> {
    this.#stopTaking();
    this.#stop('closing', ({ phase }) => phase !== 'telling');
    this.#closing.abort();
    await Promise.all([this.#loops, ...this.#ending]);
  }

  /** Jobs that may be taken now. */
  get #slots(): number {
    const telling = [...this.#running.values()].filter(({ phase }) => phase === 'telling').length;
    return telling < MAX_TELLING ? this.#options.concurrency - (this.#running.size - telling) : 0;
  }

  #stopTaking(): void {
    this.#stopping.abort();
    this.#freed.resolve();
  }

  #stop(why: Why, which: (running: Running) => boolean): void {
    for (const each of this.#running.values()) if (which(each)) each.stop.abort(why);
  }

  /** The next new job, when there is a place for it: who has none leaves it to another gateway. */
  async #read(): Promise<void> {
    const { claims, context } = this.#options;
    const { signal } = this.#stopping;
    while (this.#slots <= 0 && !signal.aborted) await this.#freed.promise;
    const leave = await context.admission.enterLast(signal);
    leave();
    const found = await claims.next(BLOCK_MS);
    if (found) await this.#takeOrLeave(found);
  }

  /** Who was asked to stop while Redis was asked for one leaves it to another gateway. */
  async #takeOrLeave(found: Omit<Claim, 'owner'>): Promise<void> {
    if (this.#stopping.signal.aborted) await this.#options.claims.release(found.entry);
    else this.#take(found);
  }

  /** Keeps what is done here ours, and looks for what is nobody's. */
  async #tick(): Promise<void> {
    const { claims, leaseMs } = this.#options;
    await sleep(Math.min(TICK_MS, leaseMs / 5), undefined, { signal: this.#closing.signal });
    const begun = [...this.#running.values()].filter(({ phase }) => phase !== 'waiting');
    const lost = new Set(await claims.renew(begun.map(({ claim }) => claim)));
    this.#stop('lost', ({ claim, phase }) => lost.has(claim) && phase === 'running');
    const free = this.#slots;
    if (this.#stopping.signal.aborted || free <= 0) return;
    for (const found of await claims.abandoned(free)) await this.#takeOrLeave(found);
  }

  /** Again and again until the signal, with pauses while Redis is away. */
  async #persist(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        await work();
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (signal.aborted) return;
        this.#complain(error);
        await sleep(pause, undefined, { signal }).catch(() => {});
        pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
      }
    }
  }

  #take(found: Omit<Claim, 'owner'>): void {
    if (this.#running.has(found.entry)) return;
    const claim = { ...found, owner: randomUUID() };
    const running: Running = { claim, stop: new AbortController(), phase: 'waiting' };
    this.#running.set(claim.entry, running);
    const ended = this.#do(running).finally(() => {
      this.#running.delete(claim.entry);
      this.#ending.delete(ended);
      this.#wake();
    });
    this.#ending.add(ended);
  }

  async #do(running: Running): Promise<void> {
    try {
      await doJob({ ...this.#options, closing: this.#closing.signal, telling: () => this.#wake() }, running);
    } catch (error) {
      // It stays where it is, and is somebody's after a lease.
      this.#complain(error);
      if (running.phase === 'waiting' && running.stop.signal.aborted)
        await this.#options.claims.release(running.claim.entry).catch((failed) => this.#complain(failed));
    }
  }

  #wake(): void {
    this.#freed.resolve();
    this.#freed = Promise.withResolvers();
  }

  /** That Redis is away has been said by its connection. */
  #complain(error: unknown): void {
    if (error instanceof Failure) return;
    this.#options.context.log.error(`BUG queue: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
