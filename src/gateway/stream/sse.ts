/** Answers → server-sent events. Answers that came together are written together. */
import { once } from 'node:events';
import { Failure } from '../failure.ts';
import type { Exchange } from '../http/exchange.ts';
import type { InferResponse } from '../protocol/infer.ts';
import type { Reply } from '../protocol/reply.ts';
import { type Carried, carry } from './carry.ts';

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

const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** Resolves when the client has the last event, or was told of the failure. */
export async function serveEvents<T>(exchange: Exchange, words: EventWords<T>, stream: Carried<T>): Promise<void> {
  try {
    await carry(stream, (batch, stop) => write(exchange, joined(batch.map((each) => words.event(each))), stop));
    begin(exchange, 200);
    const last = words.last?.() ?? '';
    exchange.sentBytes += Buffer.byteLength(last);
    exchange.response.end(last);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    if (words.refused && !exchange.response.headersSent) exchange.send(words.refused(failure));
    else tell(exchange, failure, words.failed(failure));
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
