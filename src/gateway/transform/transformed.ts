/** A predictor behind a transform: what clients send and get is the transform's; the model sees what the transform makes. */
import { FEATURES } from '../cache/entry.ts';
import { type CacheOutcome, Keeper } from '../cache/keeper.ts';
import { cacheKey } from '../cache/key.ts';
import type { Store } from '../cache/store.ts';
import type { Call, InferRequest, InferResponse, ModelMetadata, Predictor } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import type { KnownModels } from '../upstream/known-models.ts';
import { type InferLimits, Inquiries } from './desk.ts';
import type { TransformPool } from './pool.ts';
import type { Hook } from './transform.ts';

/** Tells how long a hook took, waiting for a thread included. Milliseconds. */
export type HookMeter = (transform: string, hook: Hook, tookMs: number) => void;

export interface TransformedParts {
  readonly inner: Predictor;
  /** The metadata of `inner`'s models. */
  readonly models: KnownModels;
  readonly pool: TransformPool;
  /** Threads for explanations, which take their time: nobody who wants a prediction waits for them. */
  readonly explainPool: TransformPool | undefined;
  readonly explainLimits: InferLimits;
  /** Where what `preprocess` makes is kept, when it is. */
  readonly features: KeptFeatures | undefined;
  readonly meter: HookMeter;
}

export interface KeptFeatures {
  readonly store: Store;
  /** What the transform is made of: its options, and the bytes of its files. */
  readonly identity: string;
  readonly meter: (outcome: CacheOutcome) => void;
}

export class TransformedPredictor extends DelegatingPredictor {
  readonly #parts: TransformedParts;
  readonly #keeper: Keeper<InferRequest> | undefined;

  constructor(parts: TransformedParts) {
    super(parts.inner);
    this.#parts = parts;
    this.#keeper = parts.features && new Keeper({ ...parts.features, codec: FEATURES });
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

  /** The request as the model behind gets it. */
  async prepared(request: InferRequest, call: Call): Promise<InferRequest> {
    return this.#before(request, await this.#parts.models.metadata(request.model, request.version, call), call);
  }

  /** As KServe's: `preprocess`, then `explain`, which may ask what is behind. */
  async explain(request: InferRequest, call: Call): Promise<Reply> {
    const { inner, models, explainPool, pool, explainLimits } = this.#parts;
    const metadata = await models.metadata(request.model, request.version, call);
    const made = await this.#before(request, metadata, call);
    const inquiries = new Inquiries((asked, own) => inner.infer(asked, own), call, explainLimits);
    const job = { hook: 'explain', request: made, metadata } as const;
    const json = await this.#metered('explain', () => (explainPool ?? pool).run(job, call, inquiries));
    return { status: 200, type: 'application/json', parts: [json] };
  }

  override close(): void {
    this.#parts.pool.close();
    this.#parts.explainPool?.close();
    super.close();
  }

  async #before(request: InferRequest, metadata: ModelMetadata, call: Call): Promise<InferRequest> {
    if (!this.#parts.pool.shape.hooks.includes('preprocess')) return request;
    const make = (own: Call) =>
      this.#metered('preprocess', () => this.#parts.pool.run({ hook: 'preprocess', request, metadata }, own));
    const made = await this.#kept(request, { metadata, call, make });
    // Outputs that clients name are the transform's; the model is asked for all it has.
    return this.#parts.pool.shape.outputs ? { ...made, outputs: [] } : made;
  }

  async #kept(
    request: InferRequest,
    { metadata, call, make }: { metadata: ModelMetadata; call: Call; make: (call: Call) => Promise<InferRequest> },
  ): Promise<InferRequest> {
    const { features } = this.#parts;
    if (!features || !this.#keeper) return make(call);
    const key = cacheKey(request, call, features.identity, JSON.stringify(metadata));
    return { ...(await this.#keeper.ask(key, call, make)), id: request.id };
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
