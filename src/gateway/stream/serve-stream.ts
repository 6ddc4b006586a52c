/** A stream of the predictor → server-sent events of one API, measured. */
import type { Job } from '../http/work.ts';
import type { Call, InferRequest, InferResponse } from '../protocol/infer.ts';
import { type EventWords, serveEvents } from './sse.ts';

/** Answers `job` with what the predictor streams for `request`; a failure has been told to the client by then. */
export const serveStream = (job: Job, request: InferRequest, words: EventWords): Promise<void> =>
  serveAnswers<InferResponse>(job, (call) => job.context.predictor.stream(request, call), words);

/** The same with answers of any kind. */
export function serveAnswers<T>(
  { context, exchange, asked, call }: Job,
  open: (call: Call) => AsyncIterable<readonly T[]>,
  words: EventWords<T>,
): Promise<void> {
  const meter = context.metrics.stream(context.served.label(asked.model));
  const idleMs = context.settings.stream_idle_timeout_seconds * 1000;
  return serveEvents(exchange, words, { call, open, idleMs, meter, count: words.count });
}
