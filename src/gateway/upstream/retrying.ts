/**
 * A predictor that is asked again where that is safe: nothing of an answer has come, and the request is one that may be done
 * twice, or was not done at all. In time, within a budget, and at another address if there is one.
 */
import pRetry, { type RetryContext } from 'p-retry';
import { Failure } from '../failure.ts';
import {
  type InferRequest,
  type InferResponse,
  leftMs,
  type ModelMetadata,
  type Predictor,
} from '../protocol/infer.ts';
import { begin, wholeOf } from './begun.ts';
import { DelegatingPredictor } from './delegating.ts';
import type { TriedCall } from './endpoints/balanced.ts';
import { unanswered, unsent } from './endpoints/failures.ts';
import type { RetryBudget } from './retry-budget.ts';
import { sequenceOf } from './sequence.ts';

/** `sent`: asked again; `refused`: it would have been, but for the budget. */
export type RetryOutcome = 'sent' | 'refused';

export interface RetryOptions {
  readonly inner: Predictor;
  /** Beside the first try. */
  readonly retries: number;
  readonly budget: RetryBudget;
  readonly meter: (outcome: RetryOutcome) => void;
}

/** Pauses as KServe's: 0.1 s, doubled, up to 1 s; each made longer by up to its own length at random. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

export class RetryingPredictor extends DelegatingPredictor {
  readonly #options: RetryOptions;

  constructor(options: RetryOptions) {
    super(options.inner);
    this.#options = options;
  }

  override infer(request: InferRequest, call: TriedCall): Promise<InferResponse> {
    const { inner } = this.#options;
    return this.#again(call, isRepeatable(request), (tried) => inner.infer(request, tried));
  }

  override async *stream(request: InferRequest, call: TriedCall): AsyncGenerator<readonly InferResponse[]> {
    const { inner } = this.#options;
    yield* wholeOf(await this.#again(call, isRepeatable(request), (tried) => begin(inner.stream(request, tried))));
  }

  override modelMetadata(model: string, version: string, call: TriedCall): Promise<ModelMetadata> {
    return this.#again(call, true, (tried) => this.#options.inner.modelMetadata(model, version, tried));
  }

  async #again<T>(call: TriedCall, repeatable: boolean, once: (call: TriedCall) => Promise<T>): Promise<T> {
    const { retries, budget } = this.#options;
    budget.request(performance.now());
    const tried = { ...call, tried: call.tried ?? new Set<string>() };
    try {
      return await pRetry(() => once(tried), {
        retries,
        minTimeout: FIRST_PAUSE_MS,
        maxTimeout: LONGEST_PAUSE_MS,
        randomize: true,
        signal: call.signal,
        shouldRetry: (missed) => this.#may(call, repeatable, missed),
      });
    } catch (error) {
      if (call.signal.aborted && !(error instanceof Failure)) throw new Failure(499, 'the client is gone');
      throw error;
    }
  }

  #may(call: TriedCall, repeatable: boolean, { error, retryDelay }: RetryContext): boolean {
    const safe = unsent(error) || (repeatable && unanswered(error));
    if (!safe || leftMs(call) <= retryDelay) return false;
    const paid = this.#options.budget.take(performance.now());
    this.#options.meter(paid ? 'sent' : 'refused');
    return paid;
  }
}

const isRepeatable = (request: InferRequest): boolean => sequenceOf(request) === undefined;
