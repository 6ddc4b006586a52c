/**
 * The small server on every member that answers probes, `muster status` and Prometheus while muster stays: HTTP/1.1 and
 * grpc.health.v1 on one port. It outlives generations, and costs nothing until it is asked.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MusterError, type Refusal } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { ownerOf, takenBy } from '../../wire/port.ts';
import type { Sourced } from '../args/options.ts';
import type { HealthServer } from './health-service.ts';
import { type RoutesInput, routes } from './routes.ts';
import { twoProtocols } from './two-protocols.ts';

export interface Resident {
  /** The real one, when 0 was asked for. */
  readonly port: number;
  /** Closes the port and every connection; takes at most `FAREWELL_MS`. Idempotent. */
  close(): Promise<void>;
}

export interface ResidentOptions extends RoutesInput {
  /** Undefined: every interface. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

const FAREWELL_MS = 250;
/** Milliseconds and bytes; a probe's request is one line and three headers. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
} as const;

/** @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE */
export async function openResident({ host, port, ...input }: ResidentOptions): Promise<Resident> {
  const http = createServer(LIMITS, routes(input));
  http.on('clientError', (_error, socket) => socket.destroy()); // no answer to what is no HTTP
  let health: HealthServer | undefined;
  const both = twoProtocols(http, async () => {
    const { healthServer } = await import('./health-service.ts');
    health = healthServer(input.keeper);
    return health.http2;
  });
  const bound = await listen(http, host, port);
  let closing: Promise<void> | undefined;
  return {
    port: bound,
    close: () => {
      health?.end();
      closing ??= both.end(FAREWELL_MS);
      return closing;
    },
  };
}

export interface ResidentFor extends RoutesInput {
  /** 0: none. */
  readonly probePort: Sourced<number>;
  /** The group meets on this machine only: so does the port. */
  readonly onLoopback: boolean;
  /** A kubelet may ask this port. */
  readonly inKubernetes: boolean;
  readonly log: Log;
}

/**
 * What a launch opens. Several members of one machine (Slurm tasks, a demo) share the default port: who comes second goes
 * on without, and says so. A port that was asked for is refused when taken, and in Kubernetes (host network) the default
 * too, for the kubelet would ask a stranger there.
 *
 * @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE
 */
export async function residentFor(options: ResidentFor): Promise<Resident | undefined> {
  const { probePort, onLoopback, inKubernetes, log, ...input } = options;
  if (probePort.value === 0) return undefined;
  try {
    return await openResident({ ...input, host: onLoopback ? '127.0.0.1' : undefined, port: probePort.value });
  } catch (error) {
    const mayLack = probePort.origin === 'default' && !inKubernetes;
    if (!mayLack || !(error instanceof MusterError)) throw error;
    log[onLoopback ? 'info' : 'warn'](`no probes here: ${error.message}`);
    return undefined;
  }
}

function listen(server: Server, host: string | undefined, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(new MusterError(refusalOf(cause, port), { cause })));
    server.listen({ host, port, exclusive: true }, () => resolve((server.address() as AddressInfo).port));
  });
}

function refusalOf({ code = '', message }: NodeJS.ErrnoException, port: number): Refusal {
  const hint = 'Choose another one with --probe-port (MUSTER_PROBE_PORT), or 0 for none.';
  if (code !== 'EADDRINUSE') {
    return { code: 'ADDRESS_UNAVAILABLE', message: `the probe port ${port} cannot be opened: ${message}`, hint };
  }
  return { code: 'PORT_TAKEN', message: `the probe port ${port} ${takenBy(ownerOf(port))}`, hint };
}
