/** A predictor that speaks the Open Inference Protocol v2 over HTTP. */
import { randomUUID } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
  ServerMetadata,
} from '../../protocol/infer.ts';
import { JSON_BYTES_HEADER } from '../../protocol/v2.ts';
import { KnownModels } from '../known-models.ts';
import { type Flavour, flavourOf } from '../oip/flavour.ts';
import { sequenceOf } from '../sequence.ts';
import { failureOfReply, isOk } from './answers.ts';
import { readEvents } from './events.ts';
import { decodeGenerated, encodeGenerate, type Generated } from './generate-messages.ts';
import type { HttpClientOptions } from './http-client.ts';
import { RestServer } from './rest-server.ts';
import { decodeInferred, decodeV2, encodeV2, modelMetadataOf, saysReady, serverMetadataOf } from './v2-messages.ts';

export interface V2RestOptions extends HttpClientOptions {
  /** Undefined: asked of the server, once. */
  readonly flavour?: Flavour | undefined;
}

interface Streamed {
  readonly path: string;
  readonly parts: readonly Uint8Array[];
  readonly decode: (events: readonly string[]) => Generated;
}

/** "No" of the various servers to the question whether a model is ready: Triton says 400, KServe 503 and 404. */
const NOT_READY = new Set([400, 404, 503]);

export class V2Rest implements Predictor {
  readonly name: string;
  readonly #server: RestServer;
  readonly #maxEventBytes: number;
  readonly #models = new KnownModels(this);
  #flavour: Flavour | undefined;

  constructor({ flavour, ...options }: V2RestOptions) {
    this.#server = new RestServer(options);
    this.name = this.#server.name;
    this.#maxEventBytes = options.maxReplyBytes;
    this.#flavour = flavour;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const flavour = await this.#flavourOf(call);
    // KServe's server fails at a request without an id; what we made up, the client does not see.
    const id = flavour === 'kserve' && request.id === '' ? randomUUID() : request.id;
    // MLServer reads JSON only over HTTP.
    const encoded = encodeV2({ ...request, id }, flavour !== 'mlserver');
    const path = `${modelPath(request)}/infer`;
    const repeatable = sequenceOf(request) === undefined;
    const { headers, body } = await this.#server.good({ method: 'POST', path, ...encoded, call, repeatable });
    const jsonBytes = headers[JSON_BYTES_HEADER];
    const answer = this.#server.read(() => decodeV2(body, jsonBytes === undefined ? undefined : String(jsonBytes)));
    return { ...answer, id: request.id };
  }

  async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[], void, undefined> {
    const { path, parts, decode } = await this.#streamed(request, call);
    const response = await this.#server.open({
      method: 'POST',
      path: `${modelPath(request)}/${path}`,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      parts,
      call,
      repeatable: sequenceOf(request) === undefined,
    });
    try {
      for await (const events of readEvents(response, this.#maxEventBytes, () => this.#server.tooLarge())) {
        const read = this.#server.read(() => decode(events));
        if (read.answers.length > 0) yield read.answers;
        if (read.failure) throw read.failure;
      }
    } catch (error) {
      throw this.#server.broken(error);
    } finally {
      response.destroy();
    }
  }

  async live(call: Call): Promise<boolean> {
    return isOk(await this.#server.get('/v2/health/live', call));
  }

  ready(call: Call): Promise<boolean> {
    return this.#yes('/v2/health/ready', call);
  }

  modelReady(model: string, version: string, call: Call): Promise<boolean> {
    return this.#yes(`${modelPath({ model, version })}/ready`, call);
  }

  async metadata(call: Call): Promise<ServerMetadata> {
    const json = await this.#server.json('/v2', call);
    return this.#server.read(() => serverMetadataOf(json));
  }

  async modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    const json = await this.#server.json(modelPath({ model, version }), call);
    return this.#server.read(() => modelMetadataOf(json));
  }

  close(): void {
    this.#server.close();
  }

  /** How this server streams over HTTP. @throws Failure 501 */
  async #streamed(request: InferRequest, call: Call): Promise<Streamed> {
    const flavour = await this.#flavourOf(call);
    if (flavour === 'kserve') throw new Failure(501, `${this.name} has no streams over HTTP`);
    if (flavour === 'mlserver') {
      const decode = (events: readonly string[]) => ({ answers: decodeInferred(events, request), failure: undefined });
      return { path: 'infer_stream', parts: encodeV2(request, false).parts, decode };
    }
    // Triton's takes flat inputs and says nothing of datatypes: the model's metadata does.
    const metadata = await this.#models.metadata(request.model, request.version, call);
    const decode = (events: readonly string[]) => decodeGenerated(events, metadata);
    return { path: 'generate_stream', parts: [encodeGenerate(request)], decode };
  }

  async #flavourOf(call: Call): Promise<Flavour> {
    this.#flavour ??= flavourOf(await this.metadata(call));
    return this.#flavour;
  }

  async #yes(path: string, call: Call): Promise<boolean> {
    const reply = await this.#server.get(path, call);
    if (isOk(reply)) return saysReady(reply.body);
    if (NOT_READY.has(reply.status)) return false;
    throw failureOfReply(reply);
  }
}

export const modelPath = ({ model, version }: { readonly model: string; readonly version: string }): string =>
  `/v2/models/${encodeURIComponent(model)}${version === '' ? '' : `/versions/${encodeURIComponent(version)}`}`;
