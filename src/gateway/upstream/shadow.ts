/** A predictor of whose requests a part is copied to another one, to see how that does: nobody waits for it, or hears of it. */
import type { Call, InferRequest, InferResponse, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from './delegating.ts';
import { isAmong } from './variants.ts';

export interface ShadowOptions {
  readonly predictor: Predictor;
  readonly shadow: Predictor;
  readonly percent: number;
  /** Copies at once, for each holds its request in memory; more are dropped. */
  readonly maxRunning: number;
  readonly dropped: () => void;
}

export class ShadowedPredictor extends DelegatingPredictor {
  readonly #options: ShadowOptions;
  readonly #closing = new AbortController();
  #running = 0;

  constructor(options: ShadowOptions) {
    super(options.predictor);
    this.#options = options;
  }

  override infer(request: InferRequest, call: Call): Promise<InferResponse> {
    this.#copy(request, call, (copied) => this.#options.shadow.infer(request, copied));
    return this.#options.predictor.infer(request, call);
  }

  override stream(request: InferRequest, call: Call): AsyncIterable<readonly InferResponse[]> {
    this.#copy(request, call, (copied) => readAll(this.#options.shadow.stream(request, copied)));
    return this.#options.predictor.stream(request, call);
  }

  override close(): void {
    super.close();
    this.#closing.abort();
    this.#options.shadow.close();
  }

  /** Within the deadline of the client, and on when the client goes. */
  #copy(request: InferRequest, call: Call, ask: (call: Call) => Promise<unknown>): void {
    const { percent, maxRunning, dropped } = this.#options;
    if (!isAmong({ percent, of: 'shadow', dice: Math.random() }, request, call)) return;
    if (this.#running >= maxRunning) {
      dropped();
      return;
    }
    this.#running += 1;
    const over = () => {
      this.#running -= 1;
    };
    ask({ ...call, signal: this.#closing.signal }).then(over, over); // how it ended is the meter's to tell
  }
}

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
