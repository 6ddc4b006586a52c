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
} from '../../protocol/infer.ts';
import { parseObject } from '../../protocol/json.ts';
import { documentAnswer, documentOf, type V1Verb } from '../../protocol/v1.ts';
import { sequenceOf } from '../sequence.ts';
import { failureOfReply, isOk } from './answers.ts';
import type { HttpClientOptions } from './http-client.ts';
import { RestServer } from './rest-server.ts';
import { chosen, decodeV1, encodeV1, saysModelReady } from './v1-messages.ts';

export class V1Rest implements Predictor {
  readonly name: string;
  readonly #server: RestServer;

  constructor(options: HttpClientOptions) {
    this.#server = new RestServer(options);
    this.name = this.#server.name;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const document = documentOf(request);
    if (document) return documentAnswer(request, await this.#post(document.verb, request, document.body, call));
    const body = await this.#post('predict', request, encodeV1(request), call);
    return chosen(
      this.#server.read(() => decodeV1(body, request)),
      request,
    );
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

const modelPath = ({ model, version }: { readonly model: string; readonly version: string }): string =>
  `/v1/models/${encodeURIComponent(model)}${version === '' ? '' : `/versions/${encodeURIComponent(version)}`}`;
