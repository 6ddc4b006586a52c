/** What ends a call before its reply: its deadline, or its caller. Each call has one, and an AbortSignal costs ten times as much. */
import type { WireError } from './wire-error.ts';

export class Limit {
  #reached: WireError | undefined;
  #stop: ((why: WireError) => void) | undefined;

  /** Why the call is over; undefined while it is not. */
  get reached(): WireError | undefined {
    return this.#reached;
  }

  /** The first reason counts. */
  reach(why: WireError): void {
    if (this.#reached) return;
    this.#reached = why;
    this.#stop?.(why);
  }

  /** `stop` is told once, at once when it is too late already. It takes the place of the one before. */
  onReached(stop: (why: WireError) => void): void {
    this.#stop = stop;
    if (this.#reached) stop(this.#reached);
  }

  /** The outcome of `promise`, or the reason, whichever comes first. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.onReached(reject);
      promise.then(resolve, reject);
    });
  }
}
