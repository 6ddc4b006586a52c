/**
 * Answers from the predictor to a client, batch by batch: the next are asked for only when the client has taken these, so
 * a client that stops reading stops its model by flow control, and after a while for good. Measured.
 */
import { setTimeout } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { StreamMeter } from '../ops/metrics.ts';
import type { Call } from '../protocol/infer.ts';
import { Pace } from './pace.ts';

export interface Carried<T> {
  readonly call: Call;
  /** Opens the stream; its call is aborted when one of the deadlines passes. */
  readonly open: (call: Call) => AsyncIterable<readonly T[]>;
  /** Milliseconds between two answers, and for the client to take one. */
  readonly idleMs: number;
  readonly meter: StreamMeter;
  /** How many answers it is, for metrics. @default one */
  readonly count?: ((answer: T) => number) | undefined;
}

/** Gives answers to the client; aborted when it takes too long over it. */
export type Take<T> = (batch: readonly T[], stop: AbortSignal) => Promise<void>;

/** Resolves when all are taken. @throws Failure of the predictor, 504 or 408 of a side that was late, 499 */
export async function carry<T>({ call, open, idleMs, meter, count }: Carried<T>, take: Take<T>): Promise<void> {
  const stop = new AbortController();
  const idle = new IdleTimer(idleMs, stop);
  const pace = new Pace();
  try {
    for await (const batch of open({ ...call, signal: AbortSignal.any([call.signal, stop.signal]) })) {
      const answers = batch.reduce((sum, each) => sum + (count?.(each) ?? 1), 0);
      if (answers > 0) meter.answers(answers);
      idle.during('the client');
      await take(batch, stop.signal);
      idle.during('the predictor');
      const gatherMs = pace.taken(performance.now(), batch.length);
      if (gatherMs > 0) await setTimeout(gatherMs);
    }
    meter.end('done');
  } catch (error) {
    const failure = stop.signal.aborted ? stop.signal.reason : error;
    meter.end(howEnded(failure));
    throw failure;
  } finally {
    idle.end();
  }
}

/** The label of metrics. */
function howEnded(error: unknown): string {
  if (!(error instanceof Failure)) return 'error';
  if (error.status === 499) return 'gone';
  return error.status === 504 || error.status === 408 ? 'late' : 'error';
}

/** Aborts `stop` when one side kept the other waiting too long; the predictor's turn is first. */
export class IdleTimer {
  readonly #ms: number;
  readonly #stop: AbortController;
  #who: 'the predictor' | 'the client' = 'the predictor';
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number, stop: AbortController) {
    this.#ms = ms;
    this.#stop = stop;
    this.#timer = globalThis.setTimeout(() => this.#late(), ms);
  }

  during(who: 'the predictor' | 'the client'): void {
    this.#who = who;
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #late(): void {
    const [status, words] = this.#who === 'the client' ? [408, 'took no answer'] : [504, 'sent nothing'];
    this.#stop.abort(
      new Failure(status, `${this.#who} ${words} within ${this.#ms} ms (--stream_idle_timeout_seconds)`),
    );
  }
}
