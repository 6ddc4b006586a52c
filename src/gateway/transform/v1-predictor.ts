/** What a row of transforms needs of a predictor that speaks V1: it says nothing of its inputs, and explains by itself. */
import type { Call, InferRequest, ModelMetadata, Predictor, TensorMetadata } from '../protocol/infer.ts';
import { documentRequest, writeDocument } from '../protocol/v1.ts';
import { DelegatingPredictor } from '../upstream/delegating.ts';
import { encodeV1 } from '../upstream/rest/v1-messages.ts';
import type { Explain } from './open.ts';

/** A predictor whose models have the inputs that the user says. */
export class KnownInputs extends DelegatingPredictor {
  readonly #inputs: readonly TensorMetadata[];

  constructor(inner: Predictor, inputs: readonly TensorMetadata[]) {
    super(inner);
    this.#inputs = inputs;
  }

  override async modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    return { ...(await super.modelMetadata(model, version, call)), inputs: this.#inputs };
  }
}

/** `POST …:explain` to the predictor itself, with what the transforms made of the request. */
export const explainBy =
  (predictor: Predictor): Explain =>
  async (request: InferRequest, call: Call) => {
    const document = documentRequest(request.model, { verb: 'explain', body: encodeV1(request) });
    return writeDocument(await predictor.infer(document, call));
  };
