/** grpc.health.v1: '' and a service of ours are the gateway with all its models; any other name is one model. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { ProtoWriter, readFields, textOf } from '../upstream/oip/wire-format.ts';
import type { GrpcExchange, Parts } from './exchange.ts';
import { LOOK_BYTES, type Methods } from './methods.ts';
import { decoded } from './oip/request.ts';

const SERVICE = 'grpc.health.v1.Health';
const OURS = ['', 'inference.GRPCInferenceService', 'tensorflow.serving.PredictionService', SERVICE];
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
/** Who watches is told of a change within this. Milliseconds; the answers behind it are kept for as long. */
const LOOK_EVERY_MS = 1_000;
/**
 * Open at once in one gateway. A client that checks health keeps one for each of its connections, and takes the gateway for
 * dead without: so as many as the clients of one gateway may be. All of them cost 60 MB and 2 % of a core (measured).
 */
export const MAX_WATCHES = 1_024;
/** A name that is longer is no model's. */
const MAX_NAME = 1_024;

export function addHealth(methods: Methods): void {
  methods.look(`/${SERVICE}/Check`, async (context, message) => {
    const service = decoded(() => serviceOf(message));
    const status = await statusOf(context, service);
    if (status === SERVICE_UNKNOWN)
      throw new Failure(404, `there is no model "${service.slice(0, 200)}" here, and no service of that name`);
    return response(status);
  });
  let watching = 0;
  methods.stream(`/${SERVICE}/Watch`, async (context, exchange) => {
    if (watching >= MAX_WATCHES)
      throw new Failure(429, `${MAX_WATCHES} calls of Watch are open here, and no more at once; Check is answered`);
    watching += 1;
    await watch(context, exchange).finally(() => {
      watching -= 1;
    });
  });
}

/** Tells at once, and at each change, until the client goes or the gateway closes. */
async function watch(context: GatewayContext, exchange: GrpcExchange): Promise<void> {
  const message = await exchange.incoming(LOOK_BYTES).one();
  const service = decoded(() => serviceOf(message));
  const { gone, closing } = exchange;
  const over = AbortSignal.any([gone, closing]);
  let told: number | undefined;
  const tell = async (status: number) => {
    if (status !== told) await exchange.send([response(status)]);
    told = status;
  };
  while (!over.aborted) {
    await tell(await statusOf(context, service));
    await sleep(LOOK_EVERY_MS, undefined, { signal: over }).catch(() => {}); // that it is over is seen above
  }
  if (gone.aborted) return;
  await tell(NOT_SERVING);
  throw new Failure(503, 'the gateway is shutting down');
}

async function statusOf({ readiness, served }: GatewayContext, service: string): Promise<number> {
  const ours = OURS.includes(service);
  if (service.length > MAX_NAME) return SERVICE_UNKNOWN;
  if (!ours && served.names.length > 0 && !served.names.includes(service)) return SERVICE_UNKNOWN;
  const { ready } = await (ours || readiness.draining ? readiness.gateway() : readiness.model(service, ''));
  return ready ? SERVING : NOT_SERVING;
}

function serviceOf(message: Uint8Array): string {
  let service = '';
  readFields(message, (no, value) => {
    if (no === 1) service = textOf(value);
  });
  return service;
}

const response = (status: number): Parts => new ProtoWriter().int64(1, status).parts();
