/** A predictor's HTTP server as both REST protocols need it: answers, or a `Failure` with the predictor's own words. */
import type { IncomingMessage } from 'node:http';
import { Failure, failureOf } from '../../failure.ts';
import type { Call } from '../../protocol/infer.ts';
import { type Json, parseObject } from '../../protocol/json.ts';
import { failureOfReply, isOk } from './answers.ts';
import { type HttpAsk, HttpClient, type HttpClientOptions, type HttpReply } from './http-client.ts';

export class RestServer {
  readonly name: string;
  readonly #client: HttpClient;

  constructor(options: HttpClientOptions) {
    this.#client = new HttpClient(options);
    this.name = `the predictor ${this.#client.target}`;
  }

  /** Any answer. @throws Failure when there is none, or none that we can read */
  async ask(ask: HttpAsk): Promise<HttpReply> {
    return this.#told(async () => {
      const reply = await this.#client.ask(ask);
      this.#checkEncoding(reply.headers['content-encoding']);
      return reply;
    });
  }

  /** A good answer. @throws Failure with its words, when it is another */
  async good(ask: HttpAsk): Promise<HttpReply> {
    const reply = await this.ask(ask);
    if (!isOk(reply)) throw failureOfReply(reply);
    return reply;
  }

  get(path: string, call: Call): Promise<HttpReply> {
    return this.ask({ method: 'GET', path, call, repeatable: true });
  }

  async json(path: string, call: Call): Promise<Json> {
    const { body } = await this.good({ method: 'GET', path, call, repeatable: true });
    return this.read(() => parseObject(body));
  }

  /** The head of a good answer, whose body comes bit by bit. */
  async open(ask: HttpAsk): Promise<IncomingMessage> {
    return this.#told(async () => {
      const response = await this.#client.open(ask);
      const { statusCode: status = 0, headers } = response;
      if (isOk({ status })) return response;
      throw failureOfReply({ status, headers, body: await this.#client.readAll(response) });
    });
  }

  /** What `work` finds wrong is wrong with the predictor's answer, not with the request: 502. */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Failure) || error.status >= 500) throw error;
      throw new Failure(502, `${this.name} sent what cannot be read: ${error.message}`, { cause: error });
    }
  }

  /** What broke within an answer, as a failure. */
  broken(error: unknown): Failure {
    return error instanceof Failure ? error : failureOf(this.#client.errorOf(error, 'http'), this.name);
  }

  tooLarge(): Failure {
    return failureOf(this.#client.tooLarge(), this.name);
  }

  close(): void {
    this.#client.close();
  }

  /** We asked for none. */
  #checkEncoding(encoding: string | undefined): void {
    if (encoding !== undefined && encoding !== 'identity')
      throw new Failure(502, `${this.name} packed its answer (${encoding}), which nobody asked for`);
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failureOf(error, this.name);
    }
  }
}
