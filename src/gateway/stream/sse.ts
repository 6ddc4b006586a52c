/**
 * Answers → server-sent events. Answers that came together are written together; the next are asked for only when the
 * client has taken these, so a client that stops reading stops its model by flow control, and after a while for good.
 */
import { once } from 'node:events';
import { Failure } from '../failure.ts';
import type { Exchange } from '../http/exchange.ts';
import type { StreamMeter } from '../ops/metrics.ts';
import type { Call, InferResponse } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';

/** What an API writes: whole events, each with its empty line. */
export interface EventWords<T = InferResponse> {
  event(answer: T): string | Uint8Array;
  /** How many answers it is, for metrics. @default one */
  count?(answer: T): number;
  /** After the last answer; nothing when it is missing. */
  last?(): string;
  /** In place of the rest. */
  failed(failure: Failure): string;
  /** In place of all of it, when nothing has been written. @default `failed`, under the status */
  refused?(failure: Failure): Reply;
}

export interface SseOptions<T = InferResponse> {
  readonly exchange: Exchange;
  readonly call: Call;
  /** Opens the stream; its call is aborted when one of the deadlines passes. */
  readonly open: (call: Call) => AsyncIterable<readonly T[]>;
  readonly words: EventWords<T>;
  /** Milliseconds between two answers, and for the client to take one. */
  readonly idleMs: number;
  readonly meter: StreamMeter;
}

const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** @returns how it ended; a failure has been told to the client by then */
export async function serveEvents<T = InferResponse>(options: SseOptions<T>): Promise<Failure | undefined> {
  const { exchange, call, open, words, idleMs, meter } = options;
  const stop = new AbortController();
  const idle = new IdleTimer(idleMs, stop);
  try {
    idle.during('the predictor');
    for await (const batch of open({ ...call, signal: AbortSignal.any([call.signal, stop.signal]) })) {
      const count = batch.reduce((sum, each) => sum + (words.count?.(each) ?? 1), 0);
      if (count > 0) meter.answers(count);
      idle.during('the client');
      await write(exchange, joined(batch.map((each) => words.event(each))), stop.signal);
      idle.during('the predictor');
    }
    begin(exchange, 200);
    const last = words.last?.() ?? '';
    exchange.sentBytes += Buffer.byteLength(last);
    exchange.response.end(last);
    return undefined;
  } catch (error) {
    const failure = stop.signal.aborted ? (stop.signal.reason as Failure) : error;
    if (!(failure instanceof Failure)) throw failure;
    if (words.refused && !exchange.response.headersSent) exchange.send(words.refused(failure));
    else tell(exchange, failure, words.failed(failure));
    return failure;
  } finally {
    idle.end();
  }
}

function begin({ response }: Exchange, status: number): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': EVENT_STREAM,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no', // nginx would hold the tokens back
    'x-content-type-options': 'nosniff',
  });
}

async function write(exchange: Exchange, text: string | Uint8Array, stop: AbortSignal): Promise<void> {
  if (exchange.gone.aborted) throw exchange.gone.reason;
  if (text.length === 0) return; // a step that brought nothing to say: the status is still open
  begin(exchange, 200);
  await taken(exchange, text, stop);
}

/** Written, and not more of it left with us than one write. @throws the reason of `stop`, or Failure 499 */
export async function taken(exchange: Exchange, text: string | Uint8Array, stop: AbortSignal): Promise<void> {
  const { response, gone } = exchange;
  if (gone.aborted) throw gone.reason;
  exchange.sentBytes += Buffer.byteLength(text);
  if (response.write(text)) return;
  const signal = AbortSignal.any([gone, stop]);
  await once(response, 'drain', { signal }).catch(() => {
    throw signal.reason;
  });
}

function joined(events: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (events.length === 1) return events[0] as string | Uint8Array;
  if (events.every((each) => typeof each === 'string')) return events.join('');
  return Buffer.concat(events.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)));
}

/** Before the first event the status can still say it; after it an event is all there is. */
function tell(exchange: Exchange, failure: Failure, event: string): void {
  const { response, gone } = exchange;
  if (gone.aborted) return;
  begin(exchange, failure.status);
  // A client that does not read would not read this either.
  if (failure.status === 408) response.destroy();
  else response.end(event);
}

/** Aborts `stop` when one side kept the stream waiting too long. */
export class IdleTimer {
  readonly #ms: number;
  readonly #stop: AbortController;
  #who = '';
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number, stop: AbortController) {
    this.#ms = ms;
    this.#stop = stop;
    this.#timer = setTimeout(() => this.#late(), ms);
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
