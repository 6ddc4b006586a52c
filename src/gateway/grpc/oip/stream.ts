/**
 * ModelStreamInfer: many requests on one call, each with its answers, told apart by `id`. Each is admitted, bounded and
 * accounted for like a call of its own; one that fails ends by itself. A client that goes ends them all.
 */
import type { GatewayContext } from '../../context.ts';
import { Failure } from '../../failure.ts';
import type { Call, InferRequest, InferResponse } from '../../protocol/infer.ts';
import { type Caller, serve } from '../../request.ts';
import { carry } from '../../stream/carry.ts';
import type { GrpcExchange, Parts } from '../exchange.ts';
import { inferResponse, streamed, streamedError } from './answer.ts';
import { askedOf, decoded, inferRequestOf, isTyped, type ReadRequest, readRequest } from './request.ts';

/** Answers until the client has no more requests and each has its last answer. */
export async function modelStreamInfer(context: GatewayContext, exchange: GrpcExchange): Promise<void> {
  const most = context.settings.grpc_stream_requests;
  const running = new Set<Promise<void>>();
  const sequences = new Map<string, Promise<void>>();
  const shutting = new Failure(503, 'the gateway is shutting down');
  const stopIfDone = () => {
    if (exchange.closing.aborted && running.size === 0) exchange.abandon(shutting);
  };
  exchange.closing.addEventListener('abort', stopIfDone, { once: true });
  stopIfDone();
  try {
    for await (const message of exchange.incoming().each((failure) => exchange.abandon(failure))) {
      while (running.size >= most) await Promise.race(running);
      const read = decoded(() => readRequest(message));
      const one = inTurn(sequences, read, () =>
        serveOne(context, new StreamedRequest(context, exchange, read, message.length)),
      );
      running.add(one);
      void one.then(() => {
        running.delete(one);
        stopIfDone();
      });
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

/** The requests of one sequence follow each other: the model counts on their order. */
function inTurn(
  sequences: Map<string, Promise<void>>,
  { parameters }: ReadRequest,
  work: () => Promise<void>,
): Promise<void> {
  const { sequence_id: sequence = 0 } = parameters;
  if (sequence === 0 || sequence === '') return work();
  const key = String(sequence);
  const turn = (sequences.get(key) ?? Promise.resolve()).then(work);
  sequences.set(key, turn);
  void turn.then(() => {
    if (sequences.get(key) === turn) sequences.delete(key);
  });
  return turn;
}

/** One request of a stream: how it is told no, and how its answers are written. */
class StreamedRequest implements Caller {
  readonly read: ReadRequest;
  readonly exchange: GrpcExchange;
  readonly receivedBytes: number;
  readonly startedAt = performance.now();
  sentBytes = 0;
  status = 200;
  /** Settles when the client has taken what it was told of a failure. Never rejects. */
  told: Promise<void> = Promise.resolve();
  readonly #bare: boolean;

  constructor({ settings }: GatewayContext, exchange: GrpcExchange, read: ReadRequest, bytes: number) {
    this.read = read;
    this.exchange = exchange;
    this.receivedBytes = bytes;
    this.#bare = settings.grpc_stream_flavour === 'mlserver';
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
    if (this.#bare) this.exchange.abandon(failure);
    else this.told = this.exchange.send([this.#counted(streamedError(failure.message, this.read))]).catch(() => {}); // it is gone
  }

  async answer(responses: readonly InferResponse[]): Promise<void> {
    await this.exchange.send(responses.map((each) => this.#message(each)));
  }

  /** Triton's last word on a request, for those who want it: no outputs. */
  async last(): Promise<void> {
    if (this.#bare) return;
    const { model, version, id } = this.read;
    await this.answer([{ model, version, id, parameters: {}, outputs: [], final: true }]);
  }

  #message(response: InferResponse): Parts {
    const typed = isTyped(this.read);
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
async function serveOne(context: GatewayContext, one: StreamedRequest): Promise<void> {
  const { read, exchange } = one;
  const { triton_enable_empty_final_response: wantsLast, ...parameters } = read.parameters;
  await serve(context, one, { api: 'grpc_stream', asked: askedOf(read) }, async (call) => {
    if (exchange.closing.aborted) throw new Failure(503, 'the gateway is shutting down', { retryAfter: 1 });
    const request = decoded(() => inferRequestOf({ ...read, parameters }));
    const ended = await answers(context, one, request, call);
    if (wantsLast === true && !ended) await one.last();
  });
  await one.told;
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
