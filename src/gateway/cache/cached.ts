/** A predictor whose answers are kept: the same question is put to the model once, also when many ask at the same time. */
import type { Call, InferRequest, InferResponse, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import { ANSWER } from './entry.ts';
import { type CacheOutcome, Keeper } from './keeper.ts';
import { cacheKey } from './key.ts';
import type { Store } from './store.ts';

export interface CacheOptions {
  readonly inner: Predictor;
  readonly store: Store;
  /** Models whose answers may be kept. */
  readonly keeps: (model: string) => boolean;
  readonly meter: (outcome: CacheOutcome) => void;
}

export class CachedPredictor extends DelegatingPredictor {
  readonly #inner: Predictor;
  readonly #keeps: CacheOptions['keeps'];
  readonly #keeper: Keeper<InferResponse>;

  constructor({ inner, keeps, store, meter }: CacheOptions) {
    super(inner);
    this.#inner = inner;
    this.#keeps = keeps;
    this.#keeper = new Keeper({ store, codec: ANSWER, meter });
  }

  override async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const key = this.#keeps(request.model) ? cacheKey(request, call) : undefined;
    const answer = await this.#keeper.ask(key, call, (own) => this.#inner.infer(request, own));
    return key === undefined ? answer : { ...answer, id: request.id };
  }

  override close(): void {
    this.#keeper.close();
    super.close();
  }
}
