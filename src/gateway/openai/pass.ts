/** Bodies of OpenAI's API to a predictor that speaks it: as they are, both ways. */
import { Failure } from '../failure.ts';
import type { HttpWork, Job } from '../http/work.ts';
import type { InferRequest } from '../protocol/infer.ts';
import { parseObject } from '../protocol/json.ts';
import type { Reply } from '../protocol/reply.ts';
import { infer } from '../request.ts';
import { serveStream } from '../stream/serve-stream.ts';
import { answerBody, documentRequest, type PassedPath } from './document.ts';
import { openAiErrorEvent, openAiRefusal } from './errors.ts';
import { modelOf, PassingEvents, readHead, type Usage, usageOf } from './passing.ts';

export const passOn =
  (path: PassedPath): HttpWork =>
  async (job) => {
    const { context, named, body } = job;
    const head = readHead(body);
    const asked = { model: modelOf(head, context.served.names), version: '' };
    named(asked);
    const request = documentRequest(asked.model, { path, body });
    if (!head.stream) return passWhole({ ...job, asked }, request);
    await passStream({ ...job, asked }, request);
    return undefined;
  };

/** @throws Failure 502 when the answer is no JSON object */
async function passWhole(job: Job, request: InferRequest): Promise<Reply> {
  const body = answerBody(await infer(job.context, request, job.call));
  count(job, usageIn(body));
  return { status: 200, type: 'application/json', parts: [body] };
}

function usageIn(body: Uint8Array): Usage | undefined {
  try {
    return usageOf(parseObject(body));
  } catch (cause) {
    throw new Failure(502, `the predictor's answer cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function passStream(job: Job, request: InferRequest): Promise<void> {
  const passing = new PassingEvents();
  await serveStream(job, request, {
    count: (answer) => passing.take(asciiOf(answerBody(answer))),
    event: answerBody,
    failed: openAiErrorEvent,
    refused: openAiRefusal,
  });
  count(job, passing.usage);
  job.context.metrics.openAiStream(job.context.served.label(request.model), passing.last);
}

/** What is looked for is ASCII. */
const asciiOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

function count({ context, asked }: Pick<Job, 'context' | 'asked'>, usage: Usage | undefined): void {
  if (usage) context.metrics.tokens(context.served.label(asked.model), usage);
}
