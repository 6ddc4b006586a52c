/** A stream that is asked for again when it breaks off, and given on without a gap and without anything twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, refuse } from '../failure.ts';
import type { Job } from '../http/work.ts';
import { type Call, type InferRequest, type InferResponse, leftMs, type ModelMetadata } from '../protocol/infer.ts';
import type { TriedCall } from '../upstream/endpoints/balanced.ts';
import { unanswered, unsent } from '../upstream/endpoints/failures.ts';
import type { RetryBudget } from '../upstream/retry-budget.ts';
import { sequenceOf } from '../upstream/sequence.ts';
import { behind, type Numbered, type ResumePlan, readResume, requestAfter } from './resume-plan.ts';
import { serveAnswers } from './serve-stream.ts';
import type { EventWords } from './sse.ts';

/** So often for one stream; a server that is started again needs some seconds. Milliseconds, each made longer at random. */
const MAX_RESUMES = 6;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

/** `sent`: asked for again; `refused`: it would have been, but for the budget; `reconnected`: its client came back. */
export type ResumeOutcome = 'sent' | 'refused' | 'reconnected';

export interface ResumedOptions {
  readonly request: InferRequest;
  readonly metadata: Pick<ModelMetadata, 'inputs'>;
  readonly plan: ResumePlan;
  readonly open: (request: InferRequest, call: Call) => AsyncIterable<readonly InferResponse[]>;
  readonly budget: RetryBudget;
  readonly meter: (outcome: ResumeOutcome) => void;
  /** @default 250 ms */
  readonly firstPauseMs?: number;
}

/** Answers `job` with the predictor's stream; with numbered events, and going on after a break, where the client says so. */
export async function serveResumable(job: Job, request: InferRequest, words: EventWords): Promise<void> {
  const { context, asked, exchange } = job;
  const plan = readResume(exchange.headers);
  const predictor = (given: InferRequest, call: Call) => context.predictor.stream(given, call);
  if (!plan) return serveAnswers<InferResponse>(job, (call) => predictor(request, call), words);
  if (sequenceOf(request) !== undefined)
    throw refuse('a request of a sequence cannot be sent again: the model remembers it');
  const metadata = await context.models.metadata(asked.model, asked.version, job.call);
  const meter = (outcome: ResumeOutcome) => context.metrics.resume(outcome);
  if (plan.after >= 0) meter('reconnected');
  const parts = { request, metadata, plan, open: predictor, budget: context.resumes, meter };
  await serveAnswers<Numbered>(job, (call) => resumed(parts, call), {
    event: ({ index, answer }) => `id: ${index}\n${words.event(answer)}`,
    ...(words.last ? { last: words.last } : {}),
    failed: words.failed,
  });
}

/** @throws Failure 409 when the model gave fewer answers than it had given before · what the predictor failed with */
export async function* resumed(options: ResumedOptions, call: Call): AsyncGenerator<readonly Numbered[]> {
  const { request, metadata, plan, open, budget } = options;
  const { how } = plan;
  let last = plan.after;
  budget.request(performance.now());
  // Another address, if there is one.
  const tried: TriedCall = { ...call, tried: new Set() };
  for (let resumes = 0; ; resumes += 1) {
    let at = how.kind === 'skip' ? 0 : last + 1;
    try {
      for await (const batch of open(requestAfter(request, metadata, { how, last }), tried)) {
        const fresh = behind(batch, at, last);
        at += batch.length;
        last = Math.max(last, at - 1);
        yield fresh; // nothing is a word too: the predictor is not silent
      }
      if (at > last) return;
      throw new Failure(409, `the stream cannot go on behind ${last}: it ended after ${at} answers this time`);
    } catch (error) {
      if (!(await again(options, call, resumes, error))) throw error;
    }
  }
}

/** After a pause; not when the time, the tries or the budget are over. */
async function again(options: ResumedOptions, call: Call, resumes: number, error: unknown): Promise<boolean> {
  const { budget, meter, firstPauseMs = FIRST_PAUSE_MS } = options;
  if (!unsent(error) && !unanswered(error)) return false;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** resumes) * (1 + Math.random() / 2);
  if (resumes >= MAX_RESUMES || leftMs(call) <= pauseMs || call.signal.aborted) return false;
  const paid = budget.take(performance.now());
  meter(paid ? 'sent' : 'refused');
  if (paid) await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => {});
  return paid && !call.signal.aborted;
}
