/** A reply whose parts are made one after the other, when the client has taken the last one: beyond them it costs no memory. */
import { once } from 'node:events';
import type { Exchange } from '../http/exchange.ts';
import type { Reply } from '../protocol/reply.ts';
import { IdleTimer } from './carry.ts';
import { taken } from './sse.ts';

/** @throws Failure 408 when the client takes nothing for so long, 499 when it has gone */
export async function sendParts(exchange: Exchange, { status, type, headers, rest = [] }: Reply, idleMs: number) {
  const { response } = exchange;
  const stop = new AbortController();
  const idle = new IdleTimer(idleMs, stop);
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff', ...headers });
  try {
    for (const part of rest) {
      idle.during('the client');
      await taken(exchange, part, stop.signal);
    }
    response.end();
  } catch (error) {
    // Half an answer must not look like a whole one; it is over when that is known.
    response.destroy();
    if (!response.closed) await once(response, 'close');
    throw error;
  } finally {
    idle.end();
  }
}
