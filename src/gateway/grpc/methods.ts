/** Every gRPC method that is served, by its path. A service of its own (a folder) adds its methods by one line in registry.ts. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import type { Call } from '../protocol/infer.ts';
import { type Asked, asFailure, serve } from '../request.ts';
import type { GrpcExchange, Parts } from './exchange.ts';

/** A call that makes the predictor work. Its one message has been read. */
export interface GrpcJob {
  readonly context: GatewayContext;
  readonly call: Call;
  /** Which model the message asks for; to be told before anything else is done. @throws Failure 404 */
  readonly named: (asked: Asked) => void;
  readonly message: Uint8Array;
  readonly exchange: GrpcExchange;
}

/** Its answer: one encoded message. */
export type GrpcWork = (job: GrpcJob) => Promise<Parts>;
/** A call that only looks: alive, ready, metadata. */
export type GrpcLook = (context: GatewayContext, message: Uint8Array, signal: AbortSignal) => Parts | Promise<Parts>;
/** A call that reads and writes as it likes. What it throws becomes its status; it ends the exchange otherwise. */
export type GrpcStreaming = (context: GatewayContext, exchange: GrpcExchange) => Promise<void>;

/** Nobody admits a look, so it may not bring much: a name. */
export const LOOK_BYTES = 64 * 1024;

type Handler = (context: GatewayContext, exchange: GrpcExchange) => Promise<void>;

export class Methods {
  readonly #handlers = new Map<string, Handler>();

  /** @param api for metrics, audit and traces. Admitted before its message is read. @param path `/package.Service/Method` */
  work(path: string, api: string, how: GrpcWork): void {
    this.#handlers.set(path, (context, exchange) =>
      serve(context, exchange, { api, asked: undefined }, async (call, named) => {
        const message = await exchange.incoming().one();
        await exchange.answer(await how({ context, call, named, message, exchange }));
      }),
    );
  }

  /** Never queued, so a busy gateway is not a dead one; not counted. */
  look(path: string, how: GrpcLook): void {
    this.#handlers.set(path, (context, exchange) =>
      failing(context, exchange, async () => {
        const message = await exchange.incoming(LOOK_BYTES).one();
        await exchange.answer(await how(context, message, exchange.gone));
      }),
    );
  }

  /** Messages in both directions; whoever needs the predictor for one of them calls `serve` for it. */
  stream(path: string, how: GrpcStreaming): void {
    this.#handlers.set(path, (context, exchange) => failing(context, exchange, () => how(context, exchange)));
  }

  /** Answers the call; never rejects. */
  async answer(context: GatewayContext, path: string, exchange: GrpcExchange): Promise<void> {
    const handler = this.#handlers.get(path);
    if (handler) await handler(context, exchange);
    else exchange.fail(new Failure(501, `there is no method ${path.slice(0, 200)}`));
  }
}

async function failing(context: GatewayContext, exchange: GrpcExchange, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    exchange.fail(asFailure(error, context.log));
  }
}
