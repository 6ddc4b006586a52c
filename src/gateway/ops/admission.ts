/**
 * How many requests are at the predictor at once, and how many may wait. Who waits has not been read: its body stays with
 * the client. First come, first served.
 */
import { Failure } from '../failure.ts';

export interface AdmissionOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Milliseconds. */
  readonly maxWaitMs: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when the request may run, with what gives its place back; call that once.
   *
   * @throws Failure 429 when too many wait, or one waited too long; 499 when `signal` is aborted
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#running >= this.#options.maxRunning || this.#waiting.size > 0) await this.#wait(signal);
    else this.#running += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave();
    };
  }

  /** A place is handed from who leaves to who waits longest, so nobody who comes between can take it. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next) next();
    else this.#running -= 1;
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { maxWaiting, maxRunning, maxWaitMs } = this.#options;
    if (this.#waiting.size >= maxWaiting) throw busy(`${maxRunning} requests are under way and ${maxWaiting} wait`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => settle(() => reject(busy(`the request waited ${maxWaitMs} ms behind ${maxRunning} others`)));
    const gone = () => settle(() => reject(new Failure(499, 'the client has gone')));
    const timer = setTimeout(late, maxWaitMs);
    const go = () => settle(resolve);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
      this.#waiting.delete(go);
      how();
    };
    this.#waiting.add(go);
    signal.addEventListener('abort', gone, { once: true });
    if (signal.aborted) gone();
    return promise;
  }
}

const busy = (message: string): Failure => new Failure(429, message, { retryAfter: 1 });
