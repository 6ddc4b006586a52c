/**
 * Requests that are sent before the first client is: a model's first answer is slow (kernels are chosen, graphs captured,
 * caches filled), and the gateway says that it is ready after them.
 */
import pRetry from 'p-retry';
import type { Log } from '../../log.ts';
import { Failure } from '../failure.ts';
import { documentRequest as openAiRequest } from '../openai/document.ts';
import type { Call, Predictor } from '../protocol/infer.ts';
import { documentRequest, readV1 } from '../protocol/v1.ts';
import { readV2 } from '../protocol/v2.ts';
import { inWords, type WarmUpRequest } from './read.ts';

export interface WarmUpOptions {
  readonly predictor: Predictor;
  readonly requests: readonly WarmUpRequest[];
  /** V1 bodies go to the predictor as they are. */
  readonly passesV1: boolean;
  /** For one request. */
  readonly deadlineMs: number;
  readonly log: Log;
  /** Why the gateway is not ready yet; undefined: it may be now. */
  readonly tell: (why: string | undefined) => void;
  readonly signal: AbortSignal;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Sends all of them, one after the other, each until it is answered; ends early only when `signal` is aborted. */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { requests, deadlineMs, log, tell, signal } = options;
  if (requests.length === 0) return;
  const from = performance.now();
  for (const [at, request] of requests.entries()) {
    tell(`warming up: ${at} of ${requests.length} requests are answered`);
    const send = () => sendOnce(options, request, { deadlineAt: performance.now() + deadlineMs, signal, headers: {} });
    const missed = ({ error, attemptNumber }: { error: Error; attemptNumber: number }) => {
      const why = inWords(request, error);
      tell(why);
      // Once when it begins; the probes say the rest of the time.
      if (attemptNumber === 1) log.warn(`${why}; trying until it is answered`);
    };
    await pRetry(send, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: FIRST_PAUSE_MS,
      maxTimeout: LONGEST_PAUSE_MS,
      randomize: true,
      signal,
      onFailedAttempt: missed,
      // A bug is not mended by trying again.
      shouldRetry: ({ error }) => error instanceof Failure,
    });
  }
  tell(undefined);
  log.info(`warmed up: ${requests.length} requests in ${((performance.now() - from) / 1000).toFixed(1)} s`);
}

type To = Pick<WarmUpOptions, 'predictor' | 'passesV1'>;

async function sendOnce({ predictor, passesV1 }: To, request: WarmUpRequest, call: Call): Promise<void> {
  const { api, model, version, body } = request;
  if (api === 'v2') {
    await predictor.infer(readV2({ model, version, body, jsonBytes: undefined }).request, call);
    return;
  }
  if (api !== 'v1') {
    await predictor.infer(openAiRequest(model, { path: api, body }), call);
    return;
  }
  if (passesV1) {
    await predictor.infer(documentRequest(model, { verb: 'predict', body }, version), call);
    return;
  }
  const metadata = await predictor.modelMetadata(model, version, call);
  await predictor.infer(readV1(model, body, metadata, { version }).request, call);
}
