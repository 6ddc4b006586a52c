/** A predictor's gRPC server as its protocols need it for single questions: an answer, or a `Failure` with its own words. */
import { formatAddress } from '../../wire/address.ts';
import { GrpcConnection, type GrpcConnectionOptions, type GrpcReply } from '../../wire/grpc-connection.ts';
import { failureOf, failureOfStatus } from '../failure.ts';
import { type Call, leftMs } from '../protocol/infer.ts';

/** How a call goes over the wire. @param path `/package.Service/Method` */
export const grpcCall = (path: string, request: readonly Uint8Array[], call: Call) => ({
  path,
  request,
  metadata: call.headers,
  deadlineMs: leftMs(call),
  signal: call.signal,
});

export class UnaryGrpc {
  readonly name: string;
  readonly #connection: GrpcConnection;

  constructor(options: GrpcConnectionOptions) {
    this.name = `the predictor ${formatAddress(options)}`;
    this.#connection = new GrpcConnection(options);
  }

  /** @param read what it finds wrong is wrong with the answer @throws Failure */
  async ask<T>(path: string, parts: readonly Uint8Array[], call: Call, read: (body: Uint8Array) => T): Promise<T> {
    let reply: GrpcReply;
    try {
      reply = await this.#connection.call(grpcCall(path, parts, call));
      if (reply.status === 0) return read(reply.body);
    } catch (error) {
      throw failureOf(error, this.name);
    }
    throw failureOfStatus(reply);
  }

  close(): void {
    this.#connection.close();
  }
}
