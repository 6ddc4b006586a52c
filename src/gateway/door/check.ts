/** Which ports are opened, and how, from the options. Pure. */
import type { Refusal } from '../../errors.ts';

export interface DoorValues {
  readonly http_port: number;
  readonly grpc_port: number;
  readonly enable_grpc: boolean;
  readonly ssl_certfile: string | undefined;
  readonly ssl_keyfile: string | undefined;
  readonly ssl_ca_certs: string | undefined;
}

export interface Doors {
  readonly grpc_port: number;
  /** HTTP/1.1 and gRPC come to the same port. */
  readonly onePort: boolean;
}

/** @param given whether --grpc_port was said */
export function checkDoors(values: DoorValues, given: boolean): Doors & { readonly refusals: readonly Refusal[] } {
  const { http_port, enable_grpc } = values;
  // Who takes any port for HTTP has no wish about the other one either.
  const grpc_port = http_port === 0 && !given ? 0 : values.grpc_port;
  const onePort = enable_grpc && grpc_port === http_port && http_port !== 0;
  return { grpc_port, onePort, refusals: checkTls(values) };
}

function checkTls({ ssl_certfile: cert, ssl_keyfile: key, ssl_ca_certs: ca }: DoorValues): readonly Refusal[] {
  if (cert !== undefined && key !== undefined) return [];
  const given = Object.entries({ ssl_certfile: cert, ssl_keyfile: key, ssl_ca_certs: ca }).filter(
    ([, file]) => file !== undefined,
  );
  if (given.length === 0) return [];
  const missing = [...(cert === undefined ? ['--ssl_certfile'] : []), ...(key === undefined ? ['--ssl_keyfile'] : [])];
  const message = `TLS needs a certificate and its key: --${given[0]?.[0]} is given, ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not`;
  return [{ code: 'USAGE', message, hint: 'Give --ssl_certfile and --ssl_keyfile, or none of them.' }];
}
