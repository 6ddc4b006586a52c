/** A predictor whose answers are kept: the same question is put to the model once, also when many ask at the same time. */
import { bounded } from '../bounded.ts';
import { Failure } from '../failure.ts';
import { type Call, type InferRequest, type InferResponse, leftMs, type Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import { cacheKey } from './key.ts';
import type { Store } from './store.ts';

/** `hit`: from the store; `shared`: with another that was asking already; `miss`: from the model; `off`: not to be kept. */
export type CacheOutcome = 'hit' | 'shared' | 'miss' | 'off';

export interface CacheOptions {
  readonly inner: Predictor;
  readonly store: Store;
  /** Models whose answers may be kept. */
  readonly keeps: (model: string) => boolean;
  readonly meter: (outcome: CacheOutcome) => void;
}

/** One question on its way, and how many wait for it. */
interface Flight {
  readonly answer: Promise<InferResponse>;
  readonly abort: AbortController;
  waiting: number;
}

export class CachedPredictor extends DelegatingPredictor {
  readonly #options: CacheOptions;
  readonly #flights = new Map<string, Flight>();

  constructor(options: CacheOptions) {
    super(options.inner);
    this.#options = options;
  }

  override async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const { inner, store, keeps, meter } = this.#options;
    const key = keeps(request.model) ? cacheKey(request, call) : undefined;
    if (key === undefined) {
      meter('off');
      return inner.infer(request, call);
    }
    const kept = await store.get(key);
    if (kept) {
      meter('hit');
      return { ...kept, id: request.id };
    }
    return { ...(await this.#fly(key, request, call)), id: request.id };
  }

  /** With those who ask the same already; when their time is over and ours is not, once more. */
  async #fly(key: string, request: InferRequest, call: Call): Promise<InferResponse> {
    const known = this.#flights.get(key);
    this.#options.meter(known ? 'shared' : 'miss');
    try {
      return await this.#board(known ?? this.#start(key, request, call), call);
    } catch (error) {
      const theirs = known !== undefined && error instanceof Failure && error.status === 504;
      if (theirs && leftMs(call) > 0) return this.#fly(key, request, call);
      throw error;
    }
  }

  override close(): void {
    this.#options.store.close();
    super.close();
  }

  /** The call belongs to all who wait: it goes on while one of them does, for as long as the first one may wait. */
  #start(key: string, request: InferRequest, call: Call): Flight {
    const abort = new AbortController();
    const answer = this.#options.inner.infer(request, { ...call, signal: abort.signal });
    const flight: Flight = { answer, abort, waiting: 0 };
    this.#flights.set(key, flight);
    // Who comes from then on needs a call of its own; there may be one already.
    const over = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    abort.signal.addEventListener('abort', over, { once: true });
    answer.then(
      (response) => {
        over();
        return this.#options.store.set(key, response);
      },
      over, // a failure is for those who wait, and not kept
    );
    return flight;
  }

  async #board(flight: Flight, call: Call): Promise<InferResponse> {
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
