/** A path and what it does → a handler of fastify, which only ever sees the beginning of a request: the rest is ours. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { errorReply, type Reply } from '../protocol/reply.ts';
import { type Asked, asFailure, serve } from '../request.ts';
import { sendParts } from '../stream/send-parts.ts';
import { readBody } from './body.ts';
import { Exchange } from './exchange.ts';
import type { Look } from './looks.ts';
import type { HttpWork } from './work.ts';

/** A path that makes the predictor work. */
export interface WorkRoute {
  /** For metrics, audit and traces. */
  readonly api: string;
  readonly work: HttpWork;
  /** `body`: the path has no model, the work says it by `job.named`. Else `:model` and `:version` of the path are it. */
  readonly model?: 'body';
  /** How this API says no; `{"error": …}` when it is missing. */
  readonly refuse?: (failure: Failure) => Reply;
}

/** What a path is after a look at its last part. */
export interface Chosen {
  readonly route: WorkRoute;
  readonly asked: Asked;
}

/** `:id` of the path, and what stands behind the `?`. */
export interface OwnAsked {
  readonly id: string;
  readonly query: Readonly<Record<string, unknown>>;
}

export type Own = (exchange: Exchange, asked: OwnAsked) => Promise<Reply>;

export class Routes {
  readonly #app: FastifyInstance;
  readonly #context: GatewayContext;

  constructor(app: FastifyInstance, context: GatewayContext) {
    this.#app = app;
    this.#context = context;
    app.setNotFoundHandler((request, reply) => {
      const failure = new Failure(404, `there is no ${request.method} ${request.url.slice(0, 200)}`);
      exchangeOf(context, reply).fail(failure);
    });
    app.setErrorHandler((error, _request, reply) => {
      const status = (error as { statusCode?: number }).statusCode ?? 500;
      const failure = status < 500 ? new Failure(status, (error as Error).message) : asFailure(error, context.log);
      exchangeOf(context, reply).fail(failure);
    });
  }

  look(path: string, how: Look): void {
    this.#app.get(path, (request, reply) => void look(this.#context, how, askedOf(request), reply));
  }

  /** One whose answer goes by who asks and what stands behind the `?`. */
  own(method: 'GET' | 'DELETE', path: string, how: Own): void {
    this.#app.route({
      method,
      url: path,
      handler: (request, reply) => {
        const { id = '' } = request.params as { id?: string };
        const query = request.query as OwnAsked['query'];
        void answer(this.#context, reply, (exchange) => how(exchange, { id, query }));
      },
    });
  }

  work(path: string, route: WorkRoute): void {
    this.#app.post(path, (request, reply) => {
      const asked = route.model === 'body' ? undefined : askedOf(request);
      void work(this.#context, route, asked, reply);
    });
  }

  /** One path with many: which one is decided by its last part. @throws Failure */
  choose(path: string, how: (last: string, model: string) => Chosen): void {
    this.#app.post(path, (request, reply) => {
      const { last = '', model = '' } = request.params as { last?: string; model?: string };
      try {
        const { route, asked } = how(last, model);
        void work(this.#context, route, asked, reply);
      } catch (error) {
        exchangeOf(this.#context, reply).fail(asFailure(error, this.#context.log));
      }
    });
  }
}

const askedOf = (request: FastifyRequest): Asked => {
  const { model = '', version = '' } = request.params as { model?: string; version?: string };
  return { model, version };
};

/** From here on the answer is ours to write; while we drain it is the last on its connection. */
function exchangeOf({ readiness }: GatewayContext, reply: FastifyReply, refuse?: WorkRoute['refuse']): Exchange {
  reply.hijack();
  if (readiness.draining) reply.raw.shouldKeepAlive = false;
  return new Exchange(reply.request.raw, reply.raw, refuse);
}

function work(context: GatewayContext, route: WorkRoute, asked: Asked | undefined, reply: FastifyReply): Promise<void> {
  const exchange = exchangeOf(context, reply, route.refuse);
  if (asked && context.queue?.takes(route.api, exchange.headers))
    return context.queue.submit(exchange, route.api, asked);
  return serve(context, exchange, { api: route.api, asked }, async (call, named) => {
    const body = await readBody(exchange.request, context.settings.max_body_bytes);
    exchange.receivedBytes = body.length;
    const job = { context, exchange, asked: asked ?? { model: '', version: '' }, named, call, body };
    const answer = await route.work(job);
    const idleMs = context.settings.stream_idle_timeout_seconds * 1000;
    if (answer?.rest) await sendParts(exchange, answer, idleMs);
    else if (answer) {
      exchange.response.setTimeout(idleMs); // who takes nothing for so long is cut: nobody else would free what it holds
      exchange.send(answer);
    }
  });
}

const look = (context: GatewayContext, how: Look, asked: Asked, reply: FastifyReply): Promise<void> =>
  answer(context, reply, async ({ gone }) => how(context, asked, gone));

async function answer(
  context: GatewayContext,
  reply: FastifyReply,
  how: (exchange: Exchange) => Promise<Reply>,
): Promise<void> {
  const exchange = exchangeOf(context, reply);
  try {
    exchange.send(await how(exchange));
  } catch (error) {
    exchange.send(errorReply(asFailure(error, context.log)));
  }
}
