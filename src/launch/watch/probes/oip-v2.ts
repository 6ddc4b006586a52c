/** Up when an Open Inference Protocol v2 server (Triton, KServe, MLServer) says ready: the server, or one model of it. */
import { type Address, formatAddress } from '../../../wire/address.ts';
import { stringField } from '../../../wire/protobuf.ts';
import { grpcLook } from './grpc-look.ts';
import { down, type Probe, UP } from './probe.ts';

export interface OipV2ProbeOptions extends Address {
  /** Asks ModelReady for this one instead of ServerReady: a server is ready with no model loaded. */
  readonly model?: string | undefined;
}

export const oipV2Probe = ({ host, port, model }: OipV2ProbeOptions): Probe => {
  const method = model === undefined ? 'ServerReady' : 'ModelReady';
  return {
    name: `grpc ${method} ${formatAddress({ host, port })}${model === undefined ? '' : ` ${model}`}`,
    look: (signal) =>
      grpcLook(
        { host, port },
        {
          path: `/inference.GRPCInferenceService/${method}`,
          request: model === undefined ? undefined : stringField(1, model),
          judge: (reply) => (reply.bool(1) ? UP : down(`${method} says no`)),
        },
        signal,
      ),
  };
};
