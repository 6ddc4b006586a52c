/** A stream of the predictor → server-sent events of one API, measured. */
import type { Failure } from '../failure.ts';
import type { Job } from '../http/work.ts';
import type { Call, InferRequest } from '../protocol/infer.ts';
import { type EventWords, serveEvents } from './sse.ts';

/** Answers `job` with what the predictor streams for `request`; a failure has been told to the client by then. */
export async function serveStream(job: Job, request: InferRequest, words: EventWords): Promise<void> {
  const { context, exchange, asked, call } = job;
  const meter = context.metrics.stream(context.served.label(asked.model));
  const open = (bounded: Call) => context.predictor.stream(request, bounded);
  const idleMs = context.settings.stream_idle_timeout_seconds * 1000;
  const failure = await serveEvents({ exchange, call, open, words, idleMs, meter });
  meter.end(howEnded(failure));
}

/** The label of metrics. */
export const howEnded = (failure: Failure | undefined): string => {
  if (!failure) return 'done';
  if (failure.status === 499) return 'gone';
  return failure.status === 504 || failure.status === 408 ? 'late' : 'error';
};
