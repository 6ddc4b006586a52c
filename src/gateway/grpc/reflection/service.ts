/** grpc.reflection.v1 and v1alpha: what is served, for clients without our `.proto` files (grpcurl, Postman). */
import type { GatewayContext } from '../../context.ts';
import { Failure } from '../../failure.ts';
import { type FieldValue, ProtoWriter, readFields, textOf } from '../../upstream/oip/wire-format.ts';
import type { GrpcExchange, Parts } from '../exchange.ts';
import type { Methods } from '../methods.ts';
import { decoded } from '../oip/request.ts';
import { ServedFiles } from './files.ts';

/** Nobody admits these calls. What is asked comes back with the answer. */
const ASK_BYTES = 4 * 1024;
const MAX_ASKS = 1_000;
const MAX_CALLS = 64;
/** Milliseconds for a whole call. */
const CALL_MS = 60_000;

/** Fields of ServerReflectionRequest. */
const ASK = { host: 1, file: 3, symbol: 4, extension: 5, extensions: 6, services: 7 } as const;

export function addReflection(methods: Methods): void {
  let files: ServedFiles | undefined;
  let calls = 0;
  const tell = async (context: GatewayContext, exchange: GrpcExchange) => {
    if (!context.settings.grpc_reflection) throw new Failure(501, 'reflection is off (--grpc_reflection)');
    if (calls >= MAX_CALLS)
      throw new Failure(429, `${MAX_CALLS} calls of reflection are open here, and no more at once`);
    files ??= new ServedFiles(context.settings.grpc_stream_flavour === 'mlserver');
    calls += 1;
    await converse(files, exchange).finally(() => {
      calls -= 1;
    });
  };
  for (const version of ['v1', 'v1alpha'])
    methods.stream(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, tell);
}

/** One answer for each question, the next one read when that is taken. */
async function converse(files: ServedFiles, exchange: GrpcExchange): Promise<void> {
  const { closing } = exchange;
  const end = (failure: Failure) => exchange.abandon(failure);
  const stop = () => end(new Failure(503, 'the gateway is shutting down'));
  const timer = setTimeout(() => end(new Failure(504, `the call was open for ${CALL_MS} ms`)), CALL_MS);
  closing.addEventListener('abort', stop, { once: true });
  if (closing.aborted) stop();
  try {
    const incoming = exchange.incoming(ASK_BYTES);
    for (let asks = 0; await incoming.more(); asks += 1) {
      if (asks >= MAX_ASKS) throw new Failure(429, `one call of reflection has ${MAX_ASKS} questions at most`);
      const message = await incoming.next();
      await exchange.send([decoded(() => answerOf(files, message))]);
    }
    exchange.end();
  } catch (error) {
    if (error instanceof Failure) exchange.abandon(error);
    throw error;
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', stop);
  }
}

/** ServerReflectionResponse. What is not there is an answer too, and the call goes on. */
function answerOf(files: ServedFiles, message: Uint8Array): Parts {
  let host = '';
  let [kind, asked]: [number, FieldValue] = [0, 0];
  readFields(message, (no, value) => {
    if (no === ASK.host) host = textOf(value);
    else [kind, asked] = [no, value];
  });
  const to = new ProtoWriter().text(1, host).bytes(2, message);
  if (kind === ASK.services)
    to.message(6, (list) => {
      for (const name of files.services) list.message(1, (service) => service.text(1, name));
    });
  else if (kind === ASK.file || kind === ASK.symbol) {
    const name = textOf(asked);
    const found = kind === ASK.file ? files.named(name) : files.defining(name);
    if (found)
      to.message(4, (response) => {
        for (const each of found) response.bytes(1, each);
      });
    else refusal(to, 5, `there is no ${kind === ASK.file ? 'file' : 'symbol'} "${name.slice(0, 200)}" here`);
  } else if (kind === ASK.extension || kind === ASK.extensions) refusal(to, 5, 'nothing here has extensions');
  else refusal(to, 3, 'the request asks for nothing');
  return to.parts();
}

const refusal = (to: ProtoWriter, code: number, words: string): ProtoWriter =>
  to.message(7, (error) => error.int64(1, code).text(2, words));
