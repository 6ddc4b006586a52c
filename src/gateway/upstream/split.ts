/** A predictor of which a part of the requests is answered by another one: a canary, or one of two to compare. */
import type { Call, InferRequest, InferResponse, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from './delegating.ts';
import { isAmong, VARIANT_HEADER } from './variants.ts';

export interface SplitOptions {
  /** Whose metadata and readiness count. */
  readonly predictor: Predictor;
  readonly canary: Predictor;
  readonly percent: number;
}

export class SplitPredictor extends DelegatingPredictor {
  readonly #options: SplitOptions;

  constructor(options: SplitOptions) {
    super(options.predictor);
    this.#options = options;
  }

  override infer(request: InferRequest, call: Call): Promise<InferResponse> {
    return this.#for(request, call).infer(request, call);
  }

  override stream(request: InferRequest, call: Call): AsyncIterable<readonly InferResponse[]> {
    return this.#for(request, call).stream(request, call);
  }

  override close(): void {
    super.close();
    this.#options.canary.close();
  }

  #for(request: InferRequest, call: Call): Predictor {
    const { predictor, canary, percent } = this.#options;
    const wish = call.headers[VARIANT_HEADER];
    if (wish === 'canary') return canary;
    if (wish === 'predictor') return predictor;
    return isAmong({ percent, of: 'canary', dice: Math.random() }, request, call) ? canary : predictor;
  }
}
