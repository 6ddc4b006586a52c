/** A predictor behind a transform: what clients send and get is the transform's; the model sees what the transform makes. */
import type { Call, InferRequest, InferResponse, ModelMetadata, Predictor } from '../protocol/infer.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import type { KnownModels } from '../upstream/known-models.ts';
import type { TransformPool } from './pool.ts';
import type { Hook } from './transform.ts';

/** Tells how long a hook took, waiting for a thread included. Milliseconds. */
export type HookMeter = (transform: string, hook: Hook, tookMs: number) => void;

export interface TransformedParts {
  readonly inner: Predictor;
  /** The metadata of `inner`'s models. */
  readonly models: KnownModels;
  readonly pool: TransformPool;
  readonly meter: HookMeter;
}

export class TransformedPredictor extends DelegatingPredictor {
  readonly #parts: TransformedParts;

  constructor(parts: TransformedParts) {
    super(parts.inner);
    this.#parts = parts;
  }

  override async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const metadata = await this.#parts.models.metadata(request.model, request.version, call);
    const made = await this.#before(request, metadata, call);
    return this.#after(await this.#parts.inner.infer(made, call), request, metadata, call);
  }

  override async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[]> {
    const metadata = await this.#parts.models.metadata(request.model, request.version, call);
    const made = await this.#before(request, metadata, call);
    for await (const batch of this.#parts.inner.stream(made, call)) {
      const answers: InferResponse[] = [];
      // One after the other: the order of a stream is its meaning.
      for (const each of batch) answers.push(await this.#after(each, request, metadata, call));
      yield answers;
    }
  }

  /** With the transform's inputs and outputs, for it is what clients meet. */
  override async modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    const own = await this.#parts.models.metadata(model, version, call);
    const { inputs = own.inputs, outputs = own.outputs } = this.#parts.pool.shape;
    return { ...own, inputs, outputs };
  }

  override close(): void {
    this.#parts.pool.close();
    super.close();
  }

  async #before(request: InferRequest, metadata: ModelMetadata, call: Call): Promise<InferRequest> {
    if (!this.#parts.pool.shape.hooks.includes('preprocess')) return request;
    const made = await this.#metered('preprocess', () =>
      this.#parts.pool.run({ hook: 'preprocess', request, metadata }, call),
    );
    // Outputs that clients name are the transform's; the model is asked for all it has.
    return this.#parts.pool.shape.outputs ? { ...made, outputs: [] } : made;
  }

  #after(response: InferResponse, request: InferRequest, metadata: ModelMetadata, call: Call): Promise<InferResponse> {
    if (!this.#parts.pool.shape.hooks.includes('postprocess')) return Promise.resolve(response);
    return this.#metered('postprocess', () =>
      this.#parts.pool.run({ hook: 'postprocess', request, response, metadata }, call),
    );
  }

  async #metered<T>(hook: Hook, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work();
    } finally {
      this.#parts.meter(this.#parts.pool.name, hook, performance.now() - from);
    }
  }
}
