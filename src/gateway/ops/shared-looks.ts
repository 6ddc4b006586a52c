/** Looks at the predictor that nobody admits: each is taken once for all who ask within a second, and few at a time. */
import { Failure } from '../failure.ts';
import type { Call } from '../protocol/infer.ts';

/** Milliseconds that an answer stays good. */
const FRESH_MS = 1_000;
const MAX_KEPT = 1_000;
/** Under way at once: names come from clients, and each new one is a call to the predictor. */
export const MAX_LOOKS = 64;

interface Asked<T> {
  readonly at: number;
  readonly answer: Promise<T>;
}

export interface LooksOptions {
  /** Milliseconds for one look. */
  readonly withinMs: number;
  readonly now: () => number;
}

export class SharedLooks<T> {
  readonly #options: LooksOptions;
  readonly #asked = new Map<string, Asked<T>>();
  #underWay = 0;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  /**
   * @param always however many are under way: it is asked for by a name that no client has made
   * @throws Failure 429 when too many are under way; what `look` throws, to all who wait for it and to nobody later
   */
  async take(key: string, look: (call: Call) => Promise<T>, { always = false } = {}): Promise<T> {
    const { withinMs, now } = this.#options;
    const known = this.#asked.get(key);
    if (known && now() - known.at < FRESH_MS) return known.answer;
    if (!always && this.#underWay >= MAX_LOOKS)
      throw new Failure(429, `${MAX_LOOKS} looks at the predictor are under way, and no more at once`, {
        retryAfter: 1,
      });
    this.#underWay += 1;
    const call = { deadlineAt: performance.now() + withinMs, signal: new AbortController().signal, headers: {} };
    const asked = { at: now(), answer: (async () => look(call))() };
    if (this.#asked.size >= MAX_KEPT) this.#asked.delete(this.#asked.keys().next().value ?? ''); // the oldest
    this.#asked.delete(key);
    this.#asked.set(key, asked);
    try {
      return await asked.answer;
    } catch (error) {
      if (this.#asked.get(key) === asked) this.#asked.delete(key);
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }
}
