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

/** Who lets requests in. */
export interface Admits {
  readonly running: number;
  /** @param withinMs what the request has left */
  enter(signal: AbortSignal, withinMs?: number): Promise<() => void>;
  /** After everybody else, however long that is. */
  enterLast(signal: AbortSignal): Promise<() => void>;
}

export class Admission implements Admits {
  readonly #options: AdmissionOptions;
  readonly #waiting = new Set<() => void>();
  readonly #last = new Set<() => void>();
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
   * @param withinMs what the request has left
   * @throws Failure 429 when too many wait, or one waited too long; 504 when its own time is over; 499 when `signal` is aborted
   */
  async enter(signal: AbortSignal, withinMs = Number.POSITIVE_INFINITY): Promise<() => void> {
    if (this.#running >= this.#options.maxRunning || this.#waiting.size > 0) await this.#wait(signal, withinMs);
    else this.#running += 1;
    return this.#leaver();
  }

  /**
   * The same for what can wait: it gets a place that nobody else wants, and never makes anybody wait for a place in line.
   *
   * @throws Failure 499 when `signal` is aborted
   */
  async enterLast(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw gone();
    if (this.#running < this.#options.maxRunning) {
      this.#running += 1;
      return this.#leaver();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = () => {
      this.#last.delete(resolve); // at once, or else a place might still be given to it
      reject(gone());
    };
    this.#last.add(resolve);
    signal.addEventListener('abort', end, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', end));
    return this.#leaver();
  }

  #leaver(): () => void {
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
    const [last] = this.#last;
    if (next) next();
    else if (last) {
      this.#last.delete(last);
      last();
    } else this.#running -= 1;
  }

  #wait(signal: AbortSignal, withinMs: number): Promise<void> {
    const { maxWaiting, maxRunning, maxWaitMs } = this.#options;
    if (this.#waiting.size >= maxWaiting) throw busy(`${maxRunning} requests are under way and ${maxWaiting} wait`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waited = (ms: number) => `the request waited ${Math.round(ms)} ms behind ${maxRunning} others`;
    const late = () => settle(() => reject(withinMs < maxWaitMs ? overdue(waited(withinMs)) : busy(waited(maxWaitMs))));
    const left = () => settle(() => reject(gone()));
    const timer = setTimeout(late, Math.min(maxWaitMs, withinMs));
    const go = () => settle(resolve);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', left);
      this.#waiting.delete(go);
      how();
    };
    this.#waiting.add(go);
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    return promise;
  }
}

/** Lets everybody in: for what has its place already, or needs none. */
export const OPEN: Admits = {
  running: 0,
  enter: async () => () => {},
  enterLast: async () => () => {},
};

const gone = (): Failure => new Failure(499, 'the client has gone');

const overdue = (what: string): Failure => new Failure(504, `${what}, until its deadline`);
const busy = (message: string): Failure => new Failure(429, message, { retryAfter: 1 });
