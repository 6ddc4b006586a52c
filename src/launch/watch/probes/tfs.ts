/** Up when TensorFlow Serving has a version of the model AVAILABLE. */
import { type Address, formatAddress } from '../../../wire/address.ts';
import { bytesField, stringField } from '../../../wire/protobuf.ts';
import { grpcLook } from './grpc-look.ts';
import { down, type Probe, UP } from './probe.ts';

export interface TfsProbeOptions extends Address {
  readonly model: string;
}

export const tfsProbe = ({ host, port, model }: TfsProbeOptions): Probe => ({
  name: `grpc GetModelStatus ${formatAddress({ host, port })} ${model}`,
  look: (signal) =>
    grpcLook(
      { host, port },
      {
        path: '/tensorflow.serving.ModelService/GetModelStatus',
        request: bytesField(1, stringField(1, model)),
        judge: (reply) => {
          const versions = reply.messages(1);
          if (versions.some((version) => version.int(2) === AVAILABLE)) return UP;
          const states = versions.map((version) => {
            const words = version.message(3)?.string(2);
            return `version ${version.int(1)} ${WORDS[version.int(2)] ?? version.int(2)}${words ? ` (${words})` : ''}`;
          });
          return down(states.length > 0 ? states.join(', ') : 'no version is loaded');
        },
      },
      signal,
    ),
});

const AVAILABLE = 30;
const WORDS: Readonly<Record<number, string>> = {
  0: 'UNKNOWN',
  10: 'START',
  20: 'LOADING',
  30: 'AVAILABLE',
  40: 'UNLOADING',
  50: 'END',
};
