/** One way to a predictor, open: makes a request, sends it, reads its answer; everything that a client spends on it. */
import { Failure, failureOfStatus } from '../gateway/failure.ts';
import type { Call, InferRequest } from '../gateway/protocol/infer.ts';
import { parseObject } from '../gateway/protocol/json.ts';
import { JSON_BYTES_HEADER } from '../gateway/protocol/v2.ts';
import { decodeInfer, encodeInfer } from '../gateway/upstream/oip/messages.ts';
import { predictorTls } from '../gateway/upstream/predictor-tls.ts';
import { failureOfReply, isOk } from '../gateway/upstream/rest/answers.ts';
import { HttpClient, type HttpReply } from '../gateway/upstream/rest/http-client.ts';
import { decodeV2, encodeV2 } from '../gateway/upstream/rest/v2-messages.ts';
import { modelPath } from '../gateway/upstream/rest/v2-rest.ts';
import { GrpcConnection } from '../wire/grpc-connection.ts';
import type { Dial } from '../wire/tls.ts';
import { WireError } from '../wire/wire-error.ts';
import { jsonEncoder, typedEncoder } from './encode.ts';
import type { Complaint, Sizes, Target } from './messages.ts';

/** One request and its answer. @throws what `complaintOf` has a word for */
export type Exchange = () => Promise<Sizes>;

const MAX_REPLY_BYTES = 1024 * 1024 * 1024;
const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';

/** @throws MusterError when a file for TLS cannot be used */
export function openExchange(target: Target, concurrency: number): Exchange {
  const tls = dialOf(target);
  // KServe's server fails at a request without an id.
  const request = { ...target.request, id: target.request.id || 'bench' };
  if (target.way === 'typed' || target.way === 'raw') return overGrpc({ ...target, request }, tls);
  return overHttp({ ...target, request }, tls, concurrency);
}

export const dialOf = ({ address, tls }: Pick<Target, 'address' | 'tls'>): Dial | undefined =>
  predictorTls(
    {
      predictor: address,
      predictor_use_ssl: tls !== undefined,
      predictor_ca_file: tls?.ca,
      predictor_cert_file: tls?.cert,
      predictor_key_file: tls?.key,
    },
    (file) => `--tls-${file}`,
  );

function overGrpc({ way, address, request, timeoutMs }: Target, tls: Dial | undefined): Exchange {
  const connection = new GrpcConnection({ ...address, tls, maxReplyBytes: MAX_REPLY_BYTES });
  const encode = way === 'typed' ? typedEncoder(request, jsonEncoder(request)()) : () => encodeInfer(request);
  return async () => {
    const parts = encode();
    const reply = await connection.call({ path: MODEL_INFER, request: parts, deadlineMs: timeoutMs });
    if (reply.status !== 0) throw failureOfStatus(reply);
    decodeInfer(reply.body);
    return { sent: bytesOf(parts), got: reply.body.length };
  };
}

function overHttp(
  { way, address, path, request, timeoutMs }: Target,
  tls: Dial | undefined,
  sockets: number,
): Exchange {
  const client = new HttpClient({ ...address, tls, maxReplyBytes: MAX_REPLY_BYTES, maxSockets: sockets });
  const encode = way === 'binary' ? () => encodeV2(request, true) : asJson(request);
  const where = `${path}${modelPath(request)}/infer`;
  return async () => {
    const encoded = encode();
    const call = callFor(timeoutMs);
    const reply = await client.ask({ method: 'POST', path: where, ...encoded, call, repeatable: false });
    if (!isOk(reply)) throw failureOfReply(reply);
    read(reply);
    return { sent: bytesOf(encoded.parts), got: reply.body.length };
  };
}

function asJson(request: InferRequest) {
  const encode = jsonEncoder(request);
  return () => ({ headers: { 'content-type': 'application/json' }, parts: [Buffer.from(encode())] });
}

/** As far as a client has to, to have the values: of JSON the lists of numbers, of bytes the bytes. */
function read({ headers, body }: HttpReply): void {
  const jsonBytes = headers[JSON_BYTES_HEADER];
  if (jsonBytes === undefined) parseObject(body);
  else decodeV2(body, String(jsonBytes));
}

const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

const NEVER = new AbortController().signal;

export const callFor = (timeoutMs: number, signal = NEVER): Call => ({
  deadlineAt: performance.now() + timeoutMs,
  signal,
  headers: {},
});

/** What to call a failure when it is counted. @throws what nobody foresaw */
export function complaintOf(error: unknown, overGrpc: boolean): Complaint {
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof WireError) return { kind: `${error.layer} ${error.reason}`, words };
  if (!(error instanceof Failure)) throw error;
  return { kind: overGrpc ? `gRPC ${error.grpc}` : `HTTP ${error.status}`, words };
}
