/**
 * Threads that run one transform. Each does one job at a time; a job that is late ends its thread, and a new one takes its
 * place, so that a hook which never returns costs one request and a few milliseconds.
 */
import type { Worker } from 'node:worker_threads';
import pRetry from 'p-retry';
import { bounded } from '../bounded.ts';
import type { LookupDesk } from '../cache/lookups.ts';
import { Failure } from '../failure.ts';
import { type Call, leftMs } from '../protocol/infer.ts';
import type { Inquiries } from './desk.ts';
import type { Job, JobResults } from './messages.ts';
import { type Ending, runJob, startThread, type Thread, type ThreadOptions } from './thread.ts';
import type { TransformShape } from './transform.ts';

interface Waiting {
  readonly start: (thread: Thread) => void;
  readonly fail: (failure: Failure) => void;
}

export interface PoolOptions extends ThreadOptions {
  /** Threads, and so jobs at once. */
  readonly threads: number;
  /** One hook may take so long, without the time in which it waits for the predictor. */
  readonly deadlineMs: number;
  /** For what the hooks of one job look up; without it nothing is kept. */
  readonly lookups?: (() => LookupDesk) | undefined;
}

export class TransformPool {
  readonly name: string;
  readonly shape: TransformShape;
  readonly #options: PoolOptions;
  readonly #idle: Thread[];
  readonly #waiting: Waiting[] = [];
  readonly #all = new Set<Worker>();
  readonly #closing = new AbortController();

  private constructor(options: PoolOptions, threads: readonly Thread[]) {
    this.name = options.name;
    this.shape = threads[0]!.shape;
    this.#options = options;
    this.#idle = [];
    for (const thread of threads) this.#takeIn(thread);
  }

  /** @throws MusterError TRANSFORM_INVALID when the module does not load, with its own words */
  static async open(options: PoolOptions): Promise<TransformPool> {
    const opening = Array.from({ length: options.threads }, () => startThread(options));
    const opened = await Promise.allSettled(opening);
    const bad = opened.find((each) => each.status === 'rejected');
    const good = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    if (!bad) return new TransformPool(options, good);
    await Promise.all(good.map(({ worker }) => worker.terminate()));
    throw bad.reason;
  }

  /**
   * @param inquiries what `explain` may ask of the predictor
   * @throws Failure 504 when the hook is late, 500 or its own 4xx when it throws, 499 when the client is gone
   */
  async run<J extends Job>(job: J, call: Call, inquiries?: Inquiries): Promise<JobResults[J['hook']]> {
    const thread = await this.#take(call);
    const { deadlineMs: limitMs, memoryMb, lookups } = this.#options;
    const desk = { lookups: lookups?.(), inquiries };
    // A client that goes, or has no more time, does not end the thread: a good one is worth more than the rest of its job.
    const ending = runJob(thread.worker, job, desk, { limitMs, memoryMb }).then(
      (said) => {
        if (said.what === 'done' || said.what === 'failed') this.#release(thread);
        else this.#replace(thread);
        return said;
      },
      (error) => {
        this.#release(thread); // it never heard of this job: there was no room for a copy, say
        throw error;
      },
    );
    const lateMs = leftMs(call);
    const said = await bounded(ending, call, { lateMs, late: () => this.#failure(job.hook, { what: 'late' }, lateMs) });
    if (said.what === 'done') return said.result as JobResults[J['hook']];
    throw this.#failure(job.hook, said, limitMs);
  }

  close(): void {
    this.#closing.abort();
    for (const worker of this.#all) void worker.terminate();
    this.#all.clear();
    for (const { fail } of this.#waiting.splice(0)) fail(new Failure(503, 'the gateway closes'));
  }

  /** A thread that is free, first come, first served. */
  async #take(call: Call): Promise<Thread> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    const { promise, resolve, reject } = Promise.withResolvers<Thread>();
    const waiting: Waiting = { start: resolve, fail: reject };
    this.#waiting.push(waiting);
    const late = () => new Failure(504, `no thread of transform "${this.name}" was free in time`);
    try {
      return await bounded(promise, call, { lateMs: leftMs(call), late });
    } catch (failure) {
      // One that was given in the same moment goes on to the next.
      promise.then((thread) => this.#release(thread)).catch(() => {});
      throw failure;
    } finally {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
  }

  #takeIn(thread: Thread): void {
    this.#all.add(thread.worker);
    // Also one that ends while it has nothing to do: by an error outside of its hooks, say.
    thread.worker.once('exit', () => this.#replace(thread));
    this.#release(thread);
  }

  #release(thread: Thread): void {
    if (!this.#all.has(thread.worker)) return; // it has ended
    const next = this.#waiting.shift();
    if (next) next.start(thread);
    else this.#idle.push(thread);
  }

  /** Once for each thread, whoever notices first that it is of no more use. */
  #replace(thread: Thread): void {
    if (!this.#all.delete(thread.worker)) return;
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    void thread.worker.terminate();
    this.#startAnother().catch(() => {}); // only when the pool is closed
  }

  /** It loaded before: where it does not now, those who wait are told why, and it is tried until it does. */
  async #startAnother(): Promise<void> {
    const thread = await pRetry(() => startThread(this.#options), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 5_000,
      signal: this.#closing.signal,
      onFailedAttempt: ({ error }) => {
        for (const { fail } of this.#waiting.splice(0)) fail(new Failure(500, error.message));
      },
    });
    if (this.#closing.signal.aborted) void thread.worker.terminate();
    else this.#takeIn(thread);
  }

  #failure(hook: string, said: Exclude<Ending, { what: 'done' }>, limitMs: number): Failure {
    const where = `transform "${this.name}", ${hook}`;
    switch (said.what) {
      case 'failed':
        return new Failure(said.status, said.status < 500 ? said.message : `${where}: ${said.message}`);
      case 'late':
        return new Failure(504, `${where} did not end within ${Math.round(limitMs)} ms`);
      case 'died':
        return new Failure(500, `${where}: its thread ended: ${said.message}`);
    }
  }
}
