/** What the paths of KServe's V1 and V2 and of Triton's generate do with an admitted request, from its body to its answer. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { readGenerate, writeGenerated } from '../protocol/generate.ts';
import type { Call, InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { documentRequest, readV1, type V1Verb, writeDocument, writeV1 } from '../protocol/v1.ts';
import { JSON_BYTES_HEADER, readRaw, readV2, writeV2 } from '../protocol/v2.ts';
import { type Asked, explain, infer, timed } from '../request.ts';
import { takeChunkBytes } from '../stream/parts.ts';
import { partsReply } from '../stream/parts-reply.ts';
import { serveResumable } from '../stream/resumed.ts';
import { DEFAULT_SIGNATURE } from '../tfs/model-spec.ts';
import { signedBy } from '../tfs/signed.ts';
import type { Exchange } from './exchange.ts';

/** A request whose body has been read. */
export interface Job {
  readonly context: GatewayContext;
  readonly exchange: Exchange;
  readonly asked: Asked;
  /** For a path without a model: the one that the body names. @throws Failure 404 */
  readonly named: (asked: Asked) => void;
  readonly call: Call;
  readonly body: Uint8Array;
}

/** The same for work with one answer, which does not care whether a connection waits for it. */
export type Whole = Omit<Job, 'exchange' | 'named'> & { readonly exchange: Pick<Exchange, 'headers'> };

/** What a path does with it; undefined: it has answered by itself. */
export type HttpWork = (job: Job) => Promise<Reply | undefined>;

/** By the name that metrics, traces and the audit log give it. */
export const WORK = {
  v1: async (job: Whole) => {
    const { context, asked, call, body } = job;
    if (passesV1(context.settings)) return passV1(job, 'predict');
    const { model, version } = asked;
    const metadata = await context.models.metadata(model, version, call);
    const how = { version, signed: (name: string) => signedBy(context.settings, metadata, name) };
    const { request, form } = timed(context, 'preprocess', asked, () => readV1(model, body, metadata, how));
    const response = await infer(context, request, call);
    return timed(context, 'postprocess', asked, () => writeV1(response, form));
  },
  explain: async (job: Whole) => {
    const { context, asked, call, body } = job;
    if (passesV1(context.settings)) return passV1(job, 'explain');
    const metadata = await context.models.metadata(asked.model, '', call);
    const { request } = timed(context, 'preprocess', asked, () => readV1(asked.model, body, metadata));
    return explain(context, request, call);
  },
  classify: (job) => passV1(job, 'classify'),
  regress: (job) => passV1(job, 'regress'),
  v2: async ({ context, exchange, asked, call, body }: Whole) => {
    const header = exchange.headers[JSON_BYTES_HEADER];
    const input = { ...asked, body, jsonBytes: header === undefined ? undefined : String(header) };
    const raw = input.jsonBytes === '0' ? await context.models.metadata(asked.model, asked.version, call) : undefined;
    const read = timed(context, 'preprocess', asked, () => (raw ? readRaw(input, raw) : readV2(input)));
    const { wants } = read;
    const { request, chunkBytes } = takeChunkBytes(read.request);
    const response = await infer(context, request, call);
    if (chunkBytes !== undefined) return partsReply(response, wants, chunkBytes);
    return timed(context, 'postprocess', asked, () => writeV2(response, wants));
  },
  generate: async (job: Whole) => {
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
  generate_stream: async (job) => {
    await serveResumable(job, await generateRequest(job), {
      event: (answer) => `data: ${writeGenerated(answer)}\n\n`,
      failed: ({ message }) => `data: ${JSON.stringify({ error: message })}\n\n`,
    });
    return undefined;
  },
} as const satisfies Readonly<Record<string, HttpWork>>;

/** Nothing here needs to know what is in the body: the predictor speaks V1, and no transform stands before it. */
export const passesV1 = (settings: GatewayContext['settings']): boolean =>
  passesVerbs(settings) && (settings.predictor_protocol === 'v1' || settings.tfs_signature === DEFAULT_SIGNATURE);

/** The same for calls that name no signature. */
export const passesVerbs = ({ predictor_protocol: protocol, transforms }: GatewayContext['settings']): boolean =>
  (protocol === 'v1' || protocol === 'v1-tfs') && transforms.length === 0;

async function passV1({ context, asked, call, body }: Whole, verb: V1Verb): Promise<Reply> {
  const request = documentRequest(asked.model, { verb, body }, asked.version);
  return writeDocument(await infer(context, request, call, verb === 'explain' ? 'explain' : 'predict'));
}

async function generateRequest({ context, asked, call, body }: Whole): Promise<InferRequest> {
  const metadata = await context.models.metadata(asked.model, asked.version, call);
  return timed(context, 'preprocess', asked, () => readGenerate({ ...asked, body }, metadata));
}
