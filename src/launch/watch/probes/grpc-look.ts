/** One gRPC question on a connection of its own: it proves that the server still accepts, and leaves nothing open. */
import { reasonOf } from '../../../errors.ts';
import type { Address } from '../../../wire/address.ts';
import { STATUS } from '../../../wire/frame.ts';
import { GrpcConnection } from '../../../wire/grpc-connection.ts';
import { decodeMessage, type Message } from '../../../wire/protobuf.ts';
import { down, type Health, LOOK_LIMIT_MS } from './probe.ts';

export interface GrpcQuestion {
  readonly path: string;
  readonly request?: Uint8Array | undefined;
  readonly judge: (reply: Message) => Health;
}

export async function grpcLook(
  to: Address,
  { path, request, judge }: GrpcQuestion,
  signal: AbortSignal,
): Promise<Health> {
  const connection = new GrpcConnection(to);
  try {
    const call = { path, deadlineMs: LOOK_LIMIT_MS, signal, ...(request && { request }) };
    const { status, message, body } = await connection.call(call);
    if (status === STATUS.ok) return judge(decodeMessage(body));
    return down(`gRPC status ${status}${message && `: ${message}`}`);
  } catch (error) {
    return down(reasonOf(error));
  } finally {
    connection.close();
  }
}
