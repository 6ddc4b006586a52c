/** A predictor that is another one, but for what a subclass says. */
import type { Call, InferRequest, InferResponse, ModelMetadata, Predictor, ServerMetadata } from '../protocol/infer.ts';

export class DelegatingPredictor implements Predictor {
  readonly name: string;
  readonly #inner: Predictor;

  constructor(inner: Predictor) {
    this.name = inner.name;
    this.#inner = inner;
  }

  infer(request: InferRequest, call: Call): Promise<InferResponse> {
    return this.#inner.infer(request, call);
  }

  stream(request: InferRequest, call: Call): AsyncIterable<readonly InferResponse[]> {
    return this.#inner.stream(request, call);
  }

  live(call: Call): Promise<boolean> {
    return this.#inner.live(call);
  }

  ready(call: Call): Promise<boolean> {
    return this.#inner.ready(call);
  }

  modelReady(model: string, version: string, call: Call): Promise<boolean> {
    return this.#inner.modelReady(model, version, call);
  }

  metadata(call: Call): Promise<ServerMetadata> {
    return this.#inner.metadata(call);
  }

  modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    return this.#inner.modelMetadata(model, version, call);
  }

  close(): void {
    this.#inner.close();
  }
}
