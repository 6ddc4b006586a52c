/** Up when grpc.health.v1 says SERVING for `service`; '' is the server as a whole. */
import { type Address, formatAddress } from '../../../wire/address.ts';
import { stringField } from '../../../wire/protobuf.ts';
import { grpcLook } from './grpc-look.ts';
import { down, type Probe, UP } from './probe.ts';

export interface GrpcHealthProbeOptions extends Address {
  /** @default '' */
  readonly service?: string | undefined;
}

export const grpcHealthProbe = ({ host, port, service = '' }: GrpcHealthProbeOptions): Probe => ({
  name: `grpc health ${formatAddress({ host, port })}${service && ` ${service}`}`,
  look: (signal) =>
    grpcLook(
      { host, port },
      {
        path: '/grpc.health.v1.Health/Check',
        request: stringField(1, service),
        judge: (reply) => {
          const status = reply.int(1);
          return status === SERVING ? UP : down(WORDS[status] ?? `serving status ${status}`);
        },
      },
      signal,
    ),
});

const SERVING = 1;
const WORDS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
