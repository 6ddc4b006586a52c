/** grpc.health.v1 as a state (knows no gRPC) and a service (holds no state). */
import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { TypeOf } from './codec.ts';
import { HealthCheckRequest, HealthCheckResponse, PATH, type ServingStatus } from './schema.ts';

type Request = TypeOf<typeof HealthCheckRequest>;
type Response = TypeOf<typeof HealthCheckResponse>;

const SERVICES: ReadonlySet<string> = new Set(['', 'muster.rally.v1.Rally']);

export class HealthState {
  #serving = false;
  readonly #watchers = new Set<(status: ServingStatus) => void>();

  of(service: string): ServingStatus {
    if (!SERVICES.has(service)) return 'SERVICE_UNKNOWN';
    return this.#serving ? 'SERVING' : 'NOT_SERVING';
  }

  set(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const watcher of this.#watchers) watcher(serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** Tells the present status at once, then each change; an unknown service never changes. */
  watch(service: string, watcher: (status: ServingStatus) => void): () => void {
    watcher(this.of(service));
    if (SERVICES.has(service)) this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export interface HealthService {
  /** Ends every Watch after the last status was sent; resolves when they are closed. */
  endWatches(): Promise<unknown>;
}

export function addHealthService(server: Server, health: HealthState): HealthService {
  const open = new Map<ServerWritableStream<Request, Response>, Promise<void>>();
  const check = ({ request }: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>) => {
    const found = health.of(request.service);
    if (found === 'SERVICE_UNKNOWN') reply({ code: status.NOT_FOUND, details: 'this service is not known here' });
    else reply(null, { status: found });
  };
  const watch = (call: ServerWritableStream<Request, Response>) => {
    const stop = health.watch(call.request.service, (now) => call.write({ status: now }));
    const closed = Promise.withResolvers<void>();
    open.set(call, closed.promise);
    const gone = () => {
      stop();
      open.delete(call);
      closed.resolve();
    };
    call.once('cancelled', gone).once('close', gone).on('error', gone);
  };
  const { encode } = HealthCheckResponse;
  const { decode } = HealthCheckRequest;
  server.register<Request, Response>(PATH.check, check, encode, decode, 'unary');
  server.register<Request, Response>(PATH.watch, watch, encode, decode, 'serverStream');
  return {
    endWatches: () => {
      for (const call of open.keys()) call.end();
      return Promise.all(open.values());
    },
  };
}
