/** What models say of themselves, kept for a while: V1 and generate need a model's inputs for every request. */
import { SharedLooks } from '../ops/shared-looks.ts';
import type { Call, ModelMetadata, Predictor, ServerMetadata } from '../protocol/infer.ts';

/** A model that was replaced is known by its new inputs after this. Milliseconds. */
const KEEP_MS = 10_000;
const MAX_KNOWN = 1_000;
/** Milliseconds for a look at the predictor. */
const LOOK_MS = 5_000;
const LOOKS = { withinMs: LOOK_MS, now: () => performance.now() };

export class KnownModels {
  readonly #predictor: Predictor;
  readonly #known = new Map<string, { readonly at: number; readonly metadata: ModelMetadata }>();
  readonly #looks = new SharedLooks<ModelMetadata>(LOOKS);
  readonly #serverLooks = new SharedLooks<ServerMetadata>(LOOKS);

  constructor(predictor: Predictor) {
    this.#predictor = predictor;
  }

  /** @throws Failure, e.g. 404 when the predictor has no such model; failures are not kept */
  async metadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    const key = `${model}\n${version}`;
    const known = this.#known.get(key);
    if (known && performance.now() - known.at < KEEP_MS) return known.metadata;
    const metadata = await this.#predictor.modelMetadata(model, version, call);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, { at: performance.now(), metadata });
    return metadata;
  }

  /** For who only looks, whom nobody admits: as it is now, or was a second ago. @throws Failure, 429 when many look at once */
  look(model: string, version: string): Promise<ModelMetadata> {
    return this.#looks.take(`${model}\n${version}`, (call) => this.#predictor.modelMetadata(model, version, call));
  }

  /** The same of the predictor itself. @throws Failure */
  server(): Promise<ServerMetadata> {
    return this.#serverLooks.take('', (call) => this.#predictor.metadata(call));
  }
}
