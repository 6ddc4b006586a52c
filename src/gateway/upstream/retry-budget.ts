/** How many requests may be sent again, so that retries never become the load that keeps a predictor down. Without a clock. */

export interface RetryBudgetOptions {
  /** Of the requests of the window, 0-1. */
  readonly share: number;
  /** So many a window are allowed however few requests there are. */
  readonly floor: number;
  readonly windowMs: number;
}

/** At most a fifth of the requests of the last ten seconds are sent again, and ten however few there are. */
export const RETRY_BUDGET: RetryBudgetOptions = { share: 0.2, floor: 10, windowMs: 10_000 };

interface Slot {
  readonly number: number;
  requests: number;
  retries: number;
}

/** The window is counted in so many parts; the oldest part goes as a whole. */
const SLOTS = 10;

/** Requests pay in, retries take out; what was paid in is gone with the window. `now`: milliseconds on one monotonic clock. */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #slots: Slot[] = [];

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
  }

  /** A request came. */
  request(now: number): void {
    this.#slot(now).requests += 1;
  }

  /** @returns whether a retry may be sent now; then it is counted */
  take(now: number): boolean {
    const slot = this.#slot(now);
    const requests = this.#slots.reduce((sum, each) => sum + each.requests, 0);
    const retries = this.#slots.reduce((sum, each) => sum + each.retries, 0);
    const { share, floor } = this.#options;
    if (retries + 1 > Math.max(floor, Math.floor(requests * share))) return false;
    slot.retries += 1;
    return true;
  }

  #slot(now: number): Slot {
    const number = Math.floor((now * SLOTS) / this.#options.windowMs);
    const last = this.#slots.at(-1);
    if (last && last.number >= number) return last;
    const slot = { number, requests: 0, retries: 0 };
    this.#slots = [...this.#slots.filter((each) => each.number > number - SLOTS), slot];
    return slot;
  }
}
