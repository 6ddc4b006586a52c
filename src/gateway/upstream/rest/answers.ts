/** What a predictor's HTTP answer means when it is not what was asked for. Pure. */
import { Failure } from '../../failure.ts';
import { isObject, type Json } from '../../protocol/json.ts';
import type { HttpReply } from './http-client.ts';

/** Statuses of the predictor that say the same when we say them; others are its own affair: 502. */
const PASSED = new Set([400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 501, 502, 503, 504]);
const SHOWN = 1_000;

/** Its status and its own words reach the client; what else it says of the error is the cause. @param reply one that is not 2xx */
export function failureOfReply({ status, headers, body }: HttpReply): Failure {
  const words = wordsOf(body) || `the predictor answered HTTP status ${status} without a word`;
  const known = PASSED.has(status) ? status : 502;
  const says = known === status ? words : `the predictor answered HTTP status ${status}: ${words}`;
  return new Failure(known, says, {
    cause: jsonIn(textIn(body))?.error,
    ...(known === 429 || known === 503 ? { retryAfter: secondsOf(headers['retry-after']) } : {}),
  });
}

/** `{"error": "…"}` of Triton, KServe and MLServer, `{"error": {"message": "…"}}`, `{"detail": …}`, else the text itself. */
function wordsOf(body: Buffer): string {
  const text = textIn(body);
  const found = lastOfTraceback(wordsIn(text) ?? text);
  return found.length > SHOWN ? `${found.slice(0, SHOWN)}…` : found;
}

function wordsIn(text: string): string | undefined {
  const { error, detail, message } = jsonIn(text) ?? {};
  const given = (isObject(error) ? error.message : error) ?? detail ?? message;
  return given === undefined || typeof given === 'string' ? given : JSON.stringify(given);
}

/** MLServer answers with all of a Python traceback; what went wrong is its last line, where it is its own affair. */
const lastOfTraceback = (text: string): string =>
  text.startsWith('Traceback (most recent call last)') ? (text.trimEnd().split('\n').at(-1) ?? text) : text;

const textIn = (body: Buffer): string => String(body.subarray(0, 64 * 1024)).trim();

function jsonIn(text: string): Json | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function secondsOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 1;
}

export const isOk = ({ status }: { readonly status: number }): boolean => status >= 200 && status < 300;
