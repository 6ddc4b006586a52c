/** What is made once and kept: the same question is put once, also when many ask at the same time. */
import { bounded } from '../bounded.ts';
import { Failure } from '../failure.ts';
import { type Call, leftMs } from '../protocol/infer.ts';
import type { Codec } from './entry.ts';
import type { Store } from './store.ts';

/** `hit`: from the store; `shared`: with another that was asking already; `miss`: made; `off`: not to be kept. */
export type CacheOutcome = 'hit' | 'shared' | 'miss' | 'off';

export interface KeeperOptions<T> {
  readonly store: Store;
  readonly codec: Codec<T>;
  readonly meter: (outcome: CacheOutcome) => void;
}

type Make<T> = (call: Call) => Promise<T>;

/** One question on its way, and how many wait for it. */
interface Flight<T> {
  readonly answer: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

export class Keeper<T> {
  readonly #options: KeeperOptions<T>;
  readonly #flights = new Map<string, Flight<T>>();

  constructor(options: KeeperOptions<T>) {
    this.#options = options;
  }

  /**
   * From the store, with who asks the same already, or by `make`, whose call ends when nobody waits for it any more.
   *
   * @param key undefined: not to be kept
   */
  async ask(key: string | undefined, call: Call, make: Make<T>): Promise<T> {
    const { store, codec, meter } = this.#options;
    if (key === undefined) {
      meter('off');
      return make(call);
    }
    const bytes = await store.get(key);
    const kept = bytes && codec.fromBytes(bytes);
    if (kept === undefined) return this.#fly(key, call, make);
    meter('hit');
    return kept;
  }

  close(): void {
    this.#options.store.close();
  }

  /** With those who ask the same already; when their time is over and ours is not, once more. */
  async #fly(key: string, call: Call, make: Make<T>): Promise<T> {
    const known = this.#flights.get(key);
    this.#options.meter(known ? 'shared' : 'miss');
    try {
      return await this.#board(known ?? this.#start(key, call, make), call);
    } catch (error) {
      const theirs = known !== undefined && error instanceof Failure && error.status === 504;
      if (theirs && leftMs(call) > 0) return this.#fly(key, call, make);
      throw error;
    }
  }

  /** The call belongs to all who wait: it goes on while one of them does, for as long as the first one may wait. */
  #start(key: string, call: Call, make: Make<T>): Flight<T> {
    const abort = new AbortController();
    const answer = make({ ...call, signal: abort.signal });
    const flight: Flight<T> = { answer, abort, waiting: 0 };
    this.#flights.set(key, flight);
    // Who comes from then on needs a call of its own; there may be one already.
    const over = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    abort.signal.addEventListener('abort', over, { once: true });
    const made = answer.then(
      (value) => {
        over();
        return this.#options.store.set(key, this.#options.codec.toBytes(value));
      },
      over, // a failure is for those who wait, and not kept
    );
    made.catch(() => {}); // what a module has made may be nothing that can be kept: it is for those who wait, too
    return flight;
  }

  async #board(flight: Flight<T>, call: Call): Promise<T> {
    flight.waiting += 1;
    try {
      const late = () => new Failure(504, 'not answered in time');
      return await bounded(flight.answer, call, { lateMs: leftMs(call), late });
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) flight.abort.abort();
    }
  }
}
