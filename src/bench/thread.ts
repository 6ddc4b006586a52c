/**
 * A thread for one way: its own heap, so that no way pays for the garbage of another. Only one of them works at a time, for
 * CPU time is counted for the whole process.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Job, Round, Target, Tried } from './messages.ts';

/** In the bundle it lies beside the chunk that this is in. */
const ENTRY = import.meta.filename.endsWith('.ts') ? './worker.ts' : './bench-worker.js';

export class WayThread {
  readonly #worker: Worker;
  /** Rejects when the thread is no more. */
  readonly #broken: Promise<never>;

  constructor(target: Target, concurrency: number) {
    this.#worker = new Worker(new URL(ENTRY, import.meta.url), { workerData: { target, concurrency } });
    const { promise, reject } = Promise.withResolvers<never>();
    this.#worker.once('error', reject);
    this.#worker.once('exit', () => reject(new Error(`the thread of ${target.way} has ended`)));
    promise.catch(() => undefined); // told to who asks
    this.#broken = promise;
  }

  /** One request. @throws what stopped the thread, or aborted the signal */
  try(signal: AbortSignal): Promise<Tried> {
    return this.#ask({ do: 'try' }, signal);
  }

  /** @throws what stopped the thread, or aborted the signal */
  measure(how: Omit<Extract<Job, { do: 'measure' }>, 'do'>, signal: AbortSignal): Promise<Round> {
    return this.#ask({ do: 'measure', ...how }, signal);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask<T>(job: Job, signal: AbortSignal): Promise<T> {
    const said = once(this.#worker, 'message', { signal });
    this.#worker.postMessage(job);
    const [answer] = await Promise.race([said, this.#broken]);
    return answer as T;
  }
}
