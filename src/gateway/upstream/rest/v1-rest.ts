/**
 * A predictor that speaks V1: KServe's servers by default, TensorFlow Serving. Bodies of V1 clients pass as they are; tensors
 * become rows, and the answer's rows become tensors.
 */
import { Failure } from '../../failure.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
  ServerMetadata,
  TensorMetadata,
} from '../../protocol/infer.ts';
import { type Json, parseObject } from '../../protocol/json.ts';
import { documentAnswer, documentOf, type V1Verb } from '../../protocol/v1.ts';
import { isVersion } from '../../tfs/model-spec.ts';
import { KnownModels } from '../known-models.ts';
import { sequenceOf } from '../sequence.ts';
import { failureOfReply, isOk } from './answers.ts';
import type { HttpClientOptions } from './http-client.ts';
import { RestServer } from './rest-server.ts';
import { chosen, decodeV1, encodeV1, saysModelReady } from './v1-messages.ts';

export interface V1RestOptions extends HttpClientOptions {
  /** What is known of a model's outputs and how requests name its signature; V1 itself tells neither. */
  readonly models?: V1Models;
}

/** What a server tells of its models beside V1. */
export interface V1Models {
  metadata(server: RestServer, path: string, call: Call): Promise<ModelMetadata>;
  /** What stands before a request's values, and the outputs that come back. @throws Failure 400 */
  called(request: InferRequest, metadata: ModelMetadata): Called;
}

export interface Called {
  readonly head: Json;
  readonly outputs: readonly TensorMetadata[];
}

const UNTOLD: Called = { head: {}, outputs: [] };

export class V1Rest implements Predictor {
  readonly name: string;
  readonly #server: RestServer;
  readonly #models: V1Models | undefined;
  readonly #known = new KnownModels(this);

  constructor({ models, ...options }: V1RestOptions) {
    this.#server = new RestServer(options);
    this.name = this.#server.name;
    this.#models = models;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const document = documentOf(request);
    if (document) return documentAnswer(request, await this.#post(document.verb, request, document.body, call));
    const { head, outputs } = await this.#called(request, call);
    const body = await this.#post('predict', request, encodeV1(request, head), call);
    return chosen(
      this.#server.read(() => decodeV1(body, request, outputs)),
      request,
    );
  }

  async #called(request: InferRequest, call: Call): Promise<Called> {
    if (!this.#models) return UNTOLD;
    return this.#models.called(request, await this.#known.metadata(request.model, request.version, call));
  }

  // biome-ignore lint/correctness/useYield: it has nothing to give
  async *stream(): AsyncGenerator<readonly InferResponse[], void, undefined> {
    throw new Failure(501, `${this.name} is spoken to in V1, which has no streams; use --predictor_protocol grpc-v2`);
  }

  /** V1 has no path for it: whoever answers lives. */
  async live(call: Call): Promise<boolean> {
    return (await this.#server.get('/', call)).status < 500;
  }

  ready(call: Call): Promise<boolean> {
    return this.live(call);
  }

  async modelReady(model: string, version: string, call: Call): Promise<boolean> {
    const reply = await this.#server.get(modelPath({ model, version }), call);
    if (isOk(reply)) return this.#server.read(() => saysModelReady(parseObject(reply.body)));
    if (reply.status === 503) return false;
    throw failureOfReply(reply);
  }

  async metadata(): Promise<ServerMetadata> {
    return { name: 'v1', version: '', extensions: [] };
  }

  /** V1 says no more of a model than that it is there. */
  async modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    if (this.#models) return this.#models.metadata(this.#server, modelPath({ model, version }), call);
    await this.#server.json(modelPath({ model, version }), call);
    return { name: model, versions: [], platform: '', inputs: [], outputs: [] };
  }

  close(): void {
    this.#server.close();
  }

  async #post(verb: V1Verb, request: InferRequest, body: Uint8Array, call: Call): Promise<Uint8Array> {
    const reply = await this.#server.good({
      method: 'POST',
      path: `${modelPath(request)}:${verb}`,
      headers: { 'content-type': 'application/json' },
      parts: [body],
      call,
      repeatable: sequenceOf(request) === undefined,
    });
    return reply.body;
  }
}

/** What is no number is a label of TensorFlow Serving's. */
function modelPath({ model, version }: { readonly model: string; readonly version: string }): string {
  const path = `/v1/models/${encodeURIComponent(model)}`;
  if (version === '') return path;
  return `${path}/${isVersion(version) ? 'versions' : 'labels'}/${encodeURIComponent(version)}`;
}
