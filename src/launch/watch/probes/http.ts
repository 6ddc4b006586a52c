/** Up when `GET path` answers 200-399, the kubelet's rule for httpGet. A redirect is an answer and is not followed. */
import { reasonOf } from '../../../errors.ts';
import { type Address, formatAddress } from '../../../wire/address.ts';
import { exchange } from './http-exchange.ts';
import { down, LOOK_LIMIT_MS, type Probe, UP } from './probe.ts';

export interface HttpProbeOptions extends Address {
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export const httpProbe = ({ host, port, path, headers }: HttpProbeOptions): Probe => ({
  name: `GET http://${formatAddress({ host, port })}${path}`,
  look: (signal) =>
    exchange({ host, port }, { method: 'GET', path, headers }, { signal, timeoutMs: LOOK_LIMIT_MS, maxBytes: 0 }).then(
      ({ status }) => (status >= 200 && status < 400 ? UP : down(`HTTP ${status}`)),
      (error) => down(reasonOf(error)),
    ),
});
