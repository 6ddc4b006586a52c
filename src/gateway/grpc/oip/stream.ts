/**
 * ModelStreamInfer: many requests on one call, each with its answers, told apart by `id`. Each is admitted before it is
 * read, bounded and accounted for like a call of its own; one that fails ends by itself. A client that goes ends them all.
 */
import type { GatewayContext } from '../../context.ts';
import { Failure, refuse } from '../../failure.ts';
import type { Call, InferRequest, InferResponse } from '../../protocol/infer.ts';
import { type Caller, serve } from '../../request.ts';
import { carry } from '../../stream/carry.ts';
import type { GrpcExchange, Parts } from '../exchange.ts';
import { inferResponse, streamed, streamedError } from './answer.ts';
import {
  askedOf,
  decoded,
  inferRequestOf,
  isTyped,
  type Names,
  namesOf,
  type ReadRequest,
  readRequest,
} from './request.ts';

/** Of a message that nobody let in; its names come first. */
const NAMES_BYTES = 16 * 1024;

/** Answers until the client has no more requests and each has its last answer. */
export async function modelStreamInfer(context: GatewayContext, exchange: GrpcExchange): Promise<void> {
  const most = context.settings.grpc_stream_requests;
  const running = new Set<Promise<void>>();
  const turns = new Map<string, Promise<void>>();
  const shutting = new Failure(503, 'the gateway is shutting down');
  const stopIfDone = () => {
    if (exchange.closing.aborted && running.size === 0) exchange.abandon(shutting);
  };
  exchange.closing.addEventListener('abort', stopIfDone, { once: true });
  stopIfDone();
  try {
    while (await exchange.incoming().more()) {
      while (running.size >= most) await Promise.race(running);
      const request = new StreamedRequest(context, exchange);
      const one = serveOne(context, request, turns);
      running.add(one);
      void one.then(() => {
        running.delete(one);
        stopIfDone();
      });
      await request.taken;
    }
    await Promise.all(running);
    exchange.end();
  } catch (error) {
    if (error instanceof Failure) exchange.abandon(error);
    throw error;
  } finally {
    exchange.closing.removeEventListener('abort', stopIfDone);
    await Promise.all(running);
  }
}

/**
 * The requests of one sequence follow each other: the model counts on their order. Who waits keeps the place that it was
 * read for; those before it on the stream have theirs.
 *
 * @param over settles when the request has ended
 * @returns what it waits for; undefined: nothing
 */
function turnOf(
  turns: Map<string, Promise<void>>,
  { parameters }: ReadRequest,
  over: Promise<void>,
): Promise<void> | undefined {
  const { sequence_id: sequence = 0 } = parameters;
  if (sequence === 0 || sequence === '') return undefined;
  const key = String(sequence);
  const before = turns.get(key);
  turns.set(key, over);
  void over.then(() => {
    if (turns.get(key) === over) turns.delete(key);
  });
  return before;
}

/** They come back with every answer. @throws Failure 400 */
function namesIn(names: Names): Names {
  for (const [name, value] of Object.entries(names))
    if (value.length > NAMES_BYTES)
      throw refuse(`the ${name} of a request has ${value.length} characters, over ${NAMES_BYTES}`);
  return names;
}

/** One request of a stream: how it is told no, and how its answers are written. */
class StreamedRequest implements Caller {
  readonly exchange: GrpcExchange;
  /** Settles when its message is off the stream, and the next one may come. @throws Failure, which ends the stream */
  readonly taken: Promise<void>;
  startedAt = performance.now();
  receivedBytes = 0;
  sentBytes = 0;
  status = 200;
  /** Settles when the client has taken what it was told of a failure. Never rejects. */
  told: Promise<void> = Promise.resolve();
  readonly #bare: boolean;
  readonly #taking = Promise.withResolvers<void>();
  #reading: 'not yet' | 'begun' | 'done' = 'not yet';
  #names: Names = { model: '', version: '', id: '' };
  #typed = false;

  constructor({ settings }: GatewayContext, exchange: GrpcExchange) {
    this.exchange = exchange;
    this.taken = this.#taking.promise;
    this.#bare = settings.grpc_stream_flavour === 'mlserver';
  }

  /** Its message. What cannot be read ends the stream: nobody knows where the next one would begin. */
  async read(): Promise<ReadRequest> {
    this.#reading = 'begun';
    try {
      const message = await this.exchange.incoming().next();
      this.receivedBytes = message.length;
      const read = decoded(() => readRequest(message));
      const { model, version, id } = read;
      this.#names = namesIn({ model, version, id });
      this.#typed = isTyped(read);
      this.#reading = 'done';
      return read;
    } catch (error) {
      this.#taking.reject(error);
      throw error;
    }
  }

  /** It has its place among those before it: the next one may be read. */
  next(): void {
    this.#taking.resolve();
  }

  get headers(): Caller['headers'] {
    return this.exchange.headers;
  }

  get address(): string {
    return this.exchange.address;
  }

  get gone(): AbortSignal {
    return this.exchange.gone;
  }

  call(ourMs: number, forward: readonly string[]): Call {
    const whole = this.exchange.call(Number.POSITIVE_INFINITY, forward);
    return { ...whole, deadlineAt: Math.min(whole.deadlineAt, this.startedAt + ourMs) };
  }

  /** MLServer's form has no place for an error: the status of the whole call is all there is. */
  fail(failure: Failure): void {
    this.status = failure.status;
    if (this.#bare || this.#reading === 'begun' || this.gone.aborted) {
      this.#taking.reject(failure);
      this.exchange.abandon(failure);
    } else this.told = this.#tell(failure).catch(() => {}); // it is gone
  }

  /** Who was not let in is told so with the id that its message begins with; the rest of it passes unread. */
  async #tell(failure: Failure): Promise<void> {
    if (this.#reading === 'not yet') await this.#skip();
    await this.exchange.send([this.#counted(streamedError(failure.message, this.#names))]);
  }

  async #skip(): Promise<void> {
    try {
      this.#names = namesOf(await this.exchange.incoming().skip(NAMES_BYTES));
      this.#taking.resolve();
    } catch (error) {
      this.#taking.reject(error);
      throw error;
    }
  }

  async answer(responses: readonly InferResponse[]): Promise<void> {
    await this.exchange.send(responses.map((each) => this.#message(each)));
  }

  /** Triton's last word on a request, for those who want it: no outputs. */
  async last(): Promise<void> {
    if (this.#bare) return;
    await this.answer([{ ...this.#names, parameters: {}, outputs: [], final: true }]);
  }

  #message(response: InferResponse): Parts {
    const typed = this.#typed;
    if (this.#bare) return this.#counted(inferResponse(response, typed));
    const parameters = { ...response.parameters, triton_final_response: response.final === true };
    return this.#counted(streamed(inferResponse({ ...response, parameters }, typed)));
  }

  #counted(message: Parts): Parts {
    this.sentBytes += message.reduce((sum, part) => sum + part.length, 0);
    return message;
  }
}

/** Its place with the predictor is free before the client has taken its failure; its place on the stream is not. */
function serveOne(context: GatewayContext, one: StreamedRequest, turns: Map<string, Promise<void>>): Promise<void> {
  const { settings } = context;
  const { exchange } = one;
  const over = Promise.withResolvers<void>();
  const served = serve(context, one, { api: 'grpc_stream', asked: undefined }, async (call, named) => {
    const read = await one.read();
    const { triton_enable_empty_final_response: wantsLast, ...parameters } = read.parameters;
    const turn = turnOf(turns, read, over.promise);
    one.next();
    if (turn) {
      await turn;
      one.startedAt = performance.now();
    }
    if (exchange.closing.aborted) throw new Failure(503, 'the gateway is shutting down', { retryAfter: 1 });
    named(askedOf(read));
    const request = decoded(() => inferRequestOf({ ...read, parameters }));
    const bounded = turn ? one.call(settings.predictor_request_timeout_seconds * 1000, settings.forward_headers) : call;
    const ended = await answers(context, one, request, bounded);
    if (wantsLast === true && !ended) await one.last();
  });
  // Not held meanwhile: the message.
  return served.then(() => one.told).finally(over.resolve);
}

/** @returns whether the predictor's last answer said so */
async function answers(
  context: GatewayContext,
  one: StreamedRequest,
  request: InferRequest,
  call: Call,
): Promise<boolean> {
  const meter = context.metrics.stream(context.served.label(request.model));
  const idleMs = context.settings.stream_idle_timeout_seconds * 1000;
  const open = (bounded: Call) => context.predictor.stream(request, bounded);
  let final = false;
  await carry({ call, open, idleMs, meter }, async (batch) => {
    final ||= batch.some((each) => each.final === true);
    await one.answer(batch);
  });
  return final;
}
