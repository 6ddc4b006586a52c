/** The options of `muster gateway` for clients that speak gRPC; `../options.ts` has them among its own. */

/**
 * KServe's 8 MiB is a trap: a batch of 14 photos as FP32 is larger, and fails only on the day that somebody sends one. What
 * a message may take is what a body may take over HTTP.
 */
const message = { kind: 'bytes', min: 1, max: 4_294_967_295, default: 256 * 2 ** 20 } as const;

export const GRPC_OPTIONS = {
  grpc_port: {
    kind: 'integer',
    min: 0,
    max: 65_535,
    default: 8081,
    describe:
      'Port for gRPC; the same as --http_port: both on one port. 0: any free one, also when only --http_port is 0',
  },
  enable_grpc: { kind: 'switch', default: true, describe: 'Serve gRPC' },
  grpc_reflection: {
    kind: 'switch',
    default: true,
    describe:
      'Tell gRPC clients what is served, so that grpcurl needs no .proto (grpc.reflection.v1, v1alpha); no names of models',
  },
  grpc_max_receive_message_length: {
    ...message,
    describe: "Bytes of one message of a gRPC client, unpacked; more is RESOURCE_EXHAUSTED. KServe's default is 8 MiB",
  },
  grpc_max_send_message_length: {
    ...message,
    describe: "Bytes of one message to a gRPC client; more is RESOURCE_EXHAUSTED. KServe's default is 8 MiB",
  },
  grpc_stream_flavour: {
    kind: 'choice',
    choices: ['triton', 'mlserver'],
    default: 'triton',
    describe: "What ModelStreamInfer answers with: Triton's ModelStreamInferResponse, or MLServer's ModelInferResponse",
  },
  grpc_stream_requests: {
    kind: 'integer',
    min: 1,
    max: 10_000,
    default: 64,
    describe: 'Requests of one ModelStreamInfer that are under way at once; the next ones are not read until then',
  },
} as const;
