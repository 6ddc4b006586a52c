/**
 * A predictor that is an OpenAI HTTP server itself (vLLM, SGLang, llama.cpp, KServe's huggingfaceserver): bodies and events of
 * the same API pass as they are; there are no tensors.
 */
import type { IncomingMessage } from 'node:http';
import { Failure } from '../../failure.ts';
import { documentAnswer, documentOf, type OpenAiDocument } from '../../openai/document.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
  ServerMetadata,
} from '../../protocol/infer.ts';
import { isObject, type Json, listField } from '../../protocol/json.ts';
import { failureOfReply, isOk } from '../rest/answers.ts';
import type { HttpClientOptions, HttpReply } from '../rest/http-client.ts';
import { RestServer } from '../rest/rest-server.ts';
import { wholeEvents } from './whole-events.ts';

export interface OpenAiRestOptions extends HttpClientOptions {
  /** Before `/v1`; '' or such as `/openai`. */
  readonly prefix: string;
}

/** Milliseconds for a connection to end its body after `[DONE]`, so that it can be kept. */
const LINGER_MS = 1_000;
/** "There is no such path": the server lives, and is asked another way. */
const NO_HEALTH_PATH = new Set([404, 405, 501]);

/** It tells its models to who has a key. Clients have theirs, we have none: that it lives is word enough. */
const KEY_WANTED = new Set([401, 403]);

export class OpenAiRest implements Predictor {
  readonly name: string;
  readonly #server: RestServer;
  readonly #prefix: string;
  readonly #maxEventBytes: number;

  constructor({ prefix, ...options }: OpenAiRestOptions) {
    this.#server = new RestServer(options);
    this.name = this.#server.name;
    this.#prefix = `${prefix}/v1/`;
    this.#maxEventBytes = options.maxReplyBytes;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const { body } = await this.#server.good(this.#post(this.#document(request), 'application/json', call));
    return documentAnswer(request, body);
  }

  /** Each answer is whole events, as many as came together. */
  async *stream(request: InferRequest, call: Call): AsyncGenerator<readonly InferResponse[], void, undefined> {
    const response = await this.#server.open(this.#post(this.#document(request), 'text/event-stream', call));
    let over = false;
    let linger: NodeJS.Timeout | undefined;
    try {
      this.#checkEvents(response);
      for await (const events of wholeEvents(response, this.#maxEventBytes, () => this.#server.tooLarge())) {
        if (over) continue;
        over = saysDone(events);
        if (over) linger = setTimeout(() => response.destroy(), LINGER_MS);
        yield [documentAnswer(request, events)];
      }
      if (!over && !tellsItsEnd(response)) throw this.#brokeOff();
    } catch (error) {
      if (!over || call.signal.aborted) throw this.#server.broken(error);
    } finally {
      clearTimeout(linger);
      response.destroy();
    }
  }

  /** Whoever answers lives. */
  async live(call: Call): Promise<boolean> {
    return (await this.#server.get('/health', call)).status < 500;
  }

  async ready(call: Call): Promise<boolean> {
    const reply = await this.#server.get('/health', call);
    if (NO_HEALTH_PATH.has(reply.status)) return isThere(await this.#server.get(`${this.#prefix}models`, call));
    if (isOk(reply)) return true;
    if (reply.status === 503) return false;
    throw failureOfReply(reply);
  }

  /** Some serve `/health` before, and some after they list their models. */
  async modelReady(model: string, _version: string, call: Call): Promise<boolean> {
    if (!(await this.ready(call))) return false;
    try {
      await this.modelMetadata(model, '', call);
    } catch (error) {
      if (!(error instanceof Failure) || !KEY_WANTED.has(error.status)) throw error;
    }
    return true;
  }

  async metadata(call: Call): Promise<ServerMetadata> {
    return { name: 'openai', version: '', extensions: [], models: await this.#models(call) };
  }

  /** It lists no more of a model than that it is there. @throws Failure 404 */
  async modelMetadata(model: string, _version: string, call: Call): Promise<ModelMetadata> {
    const ids = (await this.#models(call)).map(({ id }) => String(id));
    if (!ids.includes(model))
      throw new Failure(404, `${this.name} has no model "${model.slice(0, 200)}"; it has ${ids.join(', ')}`);
    return { name: model, versions: [], platform: 'openai', inputs: [], outputs: [] };
  }

  close(): void {
    this.#server.close();
  }

  async #models(call: Call): Promise<readonly Json[]> {
    const json = await this.#server.json(`${this.#prefix}models`, call);
    return this.#server.read(() => listField(json, 'data', 'the list of models')).filter(isObject);
  }

  #document(request: InferRequest): OpenAiDocument {
    const document = documentOf(request);
    if (document) return document;
    throw new Failure(
      501,
      `${this.name} speaks OpenAI's API, which has no tensors: write to /v1/completions or /v1/chat/completions, or use --predictor_protocol grpc-v2`,
    );
  }

  #post({ path, body }: OpenAiDocument, accept: string, call: Call) {
    const headers = { 'content-type': 'application/json', accept };
    const parts = [body];
    return { method: 'POST', path: `${this.#prefix}${path}`, headers, parts, call, repeatable: true } as const;
  }

  #checkEvents({ headers }: IncomingMessage): void {
    const type = headers['content-type'] ?? 'no content-type';
    if (type.startsWith('text/event-stream')) return;
    throw new Failure(502, `${this.name} was asked for a stream and answered with ${type.slice(0, 80)}`);
  }

  #brokeOff(): Failure {
    return new Failure(502, `${this.name} closed the connection before [DONE], so that some of the answer is missing`);
  }
}

const isThere = (reply: HttpReply): boolean => isOk(reply) || KEY_WANTED.has(reply.status);

/** The last event is `[DONE]`: JSON does not end so. */
const saysDone = (events: Buffer): boolean => /(^|\n)data: ?\[DONE\]\s*$/.test(events.subarray(-64).toString('latin1'));

/** A body without a length ends with its connection, whole or cut. */
const tellsItsEnd = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
