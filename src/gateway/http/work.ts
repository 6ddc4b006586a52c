/**
 * The paths that make the predictor work: V1 predict, V2 infer, generate and generate_stream. Each is admitted first, then
 * read, asked and answered; the place is given back when the answer is written.
 */
import { Failure } from '../failure.ts';
import { readGenerate, writeGenerated } from '../protocol/generate.ts';
import type { Call, InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { errorReply } from '../protocol/reply.ts';
import { documentRequest, readV1, type V1Verb, writeDocument, writeV1 } from '../protocol/v1.ts';
import { JSON_BYTES_HEADER, readRaw, readV2, writeV2 } from '../protocol/v2.ts';
import { serveEvents } from '../stream/sse.ts';
import { readBody } from './body.ts';
import type { GatewayContext } from './context.ts';
import type { Exchange } from './exchange.ts';

export interface Asked {
  readonly model: string;
  readonly version: string;
}

/** What a path does with an admitted request whose body has been read; undefined: it has answered by itself. */
type Work = (job: Job) => Promise<Reply | undefined>;

interface Job {
  readonly context: GatewayContext;
  readonly exchange: Exchange;
  readonly asked: Asked;
  readonly call: Call;
  readonly body: Uint8Array;
}

export const WORK = {
  v1: async (job: Job) => {
    const { context, asked, call, body } = job;
    if (passesV1(context.settings)) return passV1(job, 'predict');
    const metadata = await context.models.metadata(asked.model, '', call);
    const { request, form } = timed(context, 'preprocess', asked, () => readV1(asked.model, body, metadata));
    const response = await infer(context, request, call);
    return timed(context, 'postprocess', asked, () => writeV1(response, form));
  },
  explain: (job: Job) => passV1(job, 'explain'),
  v2: async ({ context, exchange, asked, call, body }: Job) => {
    const header = exchange.request.headers[JSON_BYTES_HEADER];
    const input = { ...asked, body, jsonBytes: header === undefined ? undefined : String(header) };
    const raw = input.jsonBytes === '0' ? await context.models.metadata(asked.model, asked.version, call) : undefined;
    const { request, wants } = timed(context, 'preprocess', asked, () => (raw ? readRaw(input, raw) : readV2(input)));
    const response = await infer(context, request, call);
    return timed(context, 'postprocess', asked, () => writeV2(response, wants));
  },
  generate: async (job: Job) => {
    const request = await generateRequest(job);
    const answers: InferResponse[] = [];
    for await (const batch of job.context.predictor.stream(request, job.call)) {
      answers.push(...batch);
      if (answers.length > 1) break;
    }
    const [answer, ...more] = answers;
    if (!answer || more.length > 0)
      throw new Failure(
        400,
        `"${request.model}" gave ${answer ? 'several answers' : 'no answer'}, and generate expects one; use generate_stream`,
      );
    return { status: 200, type: 'application/json', parts: [writeGenerated(answer)] };
  },
  generate_stream: async (job: Job) => {
    const { context, exchange, asked, call } = job;
    const request = await generateRequest(job);
    const meter = context.metrics.stream(context.served.label(asked.model));
    const open = (bounded: Call) => context.predictor.stream(request, bounded);
    const idleMs = context.settings.stream_idle_timeout_seconds * 1000;
    const failure = await serveEvents({ exchange, call, open, idleMs, meter });
    meter.end(howEnded(failure));
    return undefined;
  },
} as const satisfies Readonly<Record<string, Work>>;

export type Api = keyof typeof WORK;

/** Everything from the first look to the last byte; a failure becomes its answer. */
export async function serve(context: GatewayContext, exchange: Exchange, api: Api, asked: Asked): Promise<void> {
  const { tracing } = context;
  const work = () => answer(context, exchange, api, asked);
  const { headers } = exchange.request;
  if (tracing) await tracing.request({ headers, api, model: asked.model.slice(0, 200) }, work);
  else await work();
}

/** @returns the HTTP status that it ended with; 499: the client was gone */
async function answer(context: GatewayContext, exchange: Exchange, api: Api, asked: Asked): Promise<number> {
  const { settings, served, admission, log } = context;
  let leave: () => void = () => {};
  let bytesIn = 0;
  try {
    served.check(asked.model);
    const call = exchange.call(settings.predictor_request_timeout_seconds * 1000, settings.forward_headers);
    leave = await admission.enter(exchange.gone);
    const body = await readBody(exchange.request, settings.max_body_bytes);
    bytesIn = body.length;
    const reply = await WORK[api]({ context, exchange, asked, call, body });
    served.answered(asked.model);
    if (reply) exchange.send(reply);
  } catch (error) {
    exchange.send(errorReply(asFailure(error, log)));
  } finally {
    leave();
  }
  const status = exchange.gone.aborted ? 499 : exchange.response.statusCode;
  account(context, exchange, { api, ...asked, status, bytesIn });
  return status;
}

interface Ended extends Asked {
  readonly api: Api;
  readonly status: number;
  readonly bytesIn: number;
}

function account({ metrics, served, audit }: GatewayContext, exchange: Exchange, ended: Ended): void {
  const { headers, socket } = exchange.request;
  const measured = { ...ended, tookMs: performance.now() - exchange.startedAt, bytesOut: exchange.sentBytes };
  metrics.ended({ ...measured, model: served.label(ended.model) });
  audit?.write({ ...measured, headers, client: socket.remoteAddress ?? '' }, new Date());
}

/** A bug is logged with its stack; the client learns that it is ours. */
export function asFailure(error: unknown, log: GatewayContext['log']): Failure {
  if (error instanceof Failure) return error;
  log.error(`BUG ${error instanceof Error ? error.stack : String(error)}`);
  return new Failure(500, 'the gateway failed; its log says more', { cause: error });
}

async function infer(
  { predictor, metrics, served }: GatewayContext,
  request: InferRequest,
  call: Call,
  stage: V1Verb = 'predict',
): Promise<InferResponse> {
  const from = performance.now();
  try {
    return await predictor.infer(request, call);
  } finally {
    metrics.stage(stage, served.label(request.model), performance.now() - from);
  }
}

/** Nothing here needs to know what is in the body: the predictor speaks V1, and no transform stands before it. */
export const passesV1 = ({ predictor_protocol: protocol, transforms }: GatewayContext['settings']): boolean =>
  protocol === 'v1' && transforms.length === 0;

async function passV1({ context, asked, call, body }: Job, verb: V1Verb): Promise<Reply> {
  return writeDocument(await infer(context, documentRequest(asked.model, { verb, body }), call, verb));
}

async function generateRequest({ context, asked, call, body }: Job): Promise<InferRequest> {
  const metadata = await context.models.metadata(asked.model, asked.version, call);
  return timed(context, 'preprocess', asked, () => readGenerate({ ...asked, body }, metadata));
}

function timed<T>(
  { metrics, served }: GatewayContext,
  stage: 'preprocess' | 'postprocess',
  { model }: Asked,
  work: () => T,
): T {
  const from = performance.now();
  const result = work();
  metrics.stage(stage, served.label(model), performance.now() - from);
  return result;
}

const howEnded = (failure: Failure | undefined): string => {
  if (!failure) return 'done';
  if (failure.status === 499) return 'gone';
  return failure.status === 504 || failure.status === 408 ? 'late' : 'error';
};
