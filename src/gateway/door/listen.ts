/** Opens a port for clients, or says who has it. */
import type { AddressInfo, Server } from 'node:net';
import { MusterError } from '../../errors.ts';
import { ownerOf, takenBy } from '../../wire/port.ts';

export interface ListenOptions {
  /** Undefined: every address of this machine. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  /** For messages. */
  readonly what: 'HTTP' | 'gRPC';
}

/**
 * Connections that may stand before we take them. Node's 511 are fewer than clients that come at once, and the kernel resets
 * who waits behind them; it makes this smaller where its own bound is (net.core.somaxconn).
 */
const BACKLOG = 4_096;

/**
 * @returns the port
 * @throws MusterError PORT_TAKEN, ADDRESS_UNAVAILABLE
 */
export async function listen(server: Server, { host, port, what }: ListenOptions): Promise<number> {
  try {
    await bind(server, host ?? '::', port);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (host === undefined && code === 'EAFNOSUPPORT') return listen(server, { host: '0.0.0.0', port, what }); // no IPv6 here
    const off = what === 'gRPC' ? ', or --enable_grpc false' : '';
    const hint = `Choose another one with --${what.toLowerCase()}_port, or another --host${off}.`;
    throw new MusterError(
      code === 'EADDRINUSE'
        ? { code: 'PORT_TAKEN', message: `the ${what} port ${port} ${takenBy(ownerOf(port))}`, hint }
        : { code: 'ADDRESS_UNAVAILABLE', message: `the ${what} port ${port} cannot be opened: ${message}`, hint },
      { cause },
    );
  }
  return (server.address() as AddressInfo).port;
}

function bind(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, backlog: BACKLOG }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}
