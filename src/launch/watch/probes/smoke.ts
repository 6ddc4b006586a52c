/**
 * The request that earns readiness: one token, one tensor.
 *
 * A health endpoint can say 200 to a server that cannot serve (vLLM over two nodes: `/health` 200, first completion
 * 500). One server does several tasks and a model only some, so a runtime lists alternatives: the first that the
 * server takes proves it.
 */
import { reasonOf } from '../../../errors.ts';
import type { Address } from '../../../wire/address.ts';
import { exchange, type HttpAnswer, type HttpAsk } from './http-exchange.ts';

export type SmokeResult =
  /** `via`: the request that was served, e.g. `POST /v1/completions`. */
  | { readonly ok: true; readonly via: string }
  /** It tried and failed, or did not answer: worth another try. */
  | { readonly ok: false; readonly why: string }
  /** It is there and takes none of these requests: ready as far as its health says. */
  | { readonly ok: 'unproven'; readonly why: string };

export interface Smoke {
  readonly to: Address;
  /** In the order to try; all but the last task of a server are refused with 404 or 400. */
  readonly alternatives: readonly HttpAsk[];
  /** Milliseconds for one request; a first token may take minutes (compilation). */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Never throws. */
export async function smoke({ to, alternatives, timeoutMs, signal }: Smoke): Promise<SmokeResult> {
  const refusals: string[] = [];
  for (const ask of alternatives) {
    const what = `${ask.method} ${ask.path}`;
    let answer: HttpAnswer;
    try {
      answer = await exchange(to, ask, { signal, timeoutMs, maxBytes: BODY_BYTES });
    } catch (error) {
      return { ok: false, why: `${what}: ${reasonOf(error)}` };
    }
    const verdict = judgeStatus(answer.status);
    if (verdict === 'served') return { ok: true, via: what };
    if (verdict === 'failed') return { ok: false, why: `${what}: HTTP ${answer.status}${excerpt(answer.body)}` };
    refusals.push(`${what}: HTTP ${answer.status}`);
  }
  return { ok: 'unproven', why: refusals.length > 0 ? refusals.join(', ') : 'no request is known for this server' };
}

/** What is read of a reply; more than enough for an error, and a long reply has proven itself by then. */
const BODY_BYTES = 64 * 1024;
const EXCERPT_CHARS = 300;

/**
 * Served: 2xx. Failed: 5xx but 501, and 429 and 408 (too busy is no proof). Anything else is an answer of a server
 * that does not take this request from us: 400/404/405/415/422/501 another task, 401/403 a key we do not have, 3xx.
 */
export function judgeStatus(status: number): 'served' | 'failed' | 'not-this-one' {
  if (status >= 200 && status < 300) return 'served';
  if ((status >= 500 && status !== 501) || status === 429 || status === 408) return 'failed';
  return 'not-this-one';
}

const excerpt = (body: Buffer): string => {
  const text = body.toString('utf8').replace(/\s+/g, ' ').trim().slice(0, EXCERPT_CHARS);
  return text && `: ${text}`;
};
