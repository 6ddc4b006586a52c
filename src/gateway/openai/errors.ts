/** How OpenAI's API says no: `{"error": {"message", "type", "param", "code"}}`, whole or as an event of a stream. Pure. */
import type { Failure } from '../failure.ts';
import { isObject } from '../protocol/json.ts';
import { jsonReply, type Reply } from '../protocol/reply.ts';

export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | number | null;
  };
}

/** Programs go by these words; the status says the rest. */
const CODES: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  404: 'model_not_found',
  413: 'request_too_large',
  429: 'rate_limit_exceeded',
  501: 'not_supported',
  504: 'timeout',
};

const typeOf = (status: number): string => {
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};

/** What the predictor itself said beside its message counts more. */
export function openAiError({ status, message, cause }: Failure): OpenAiError {
  const given = isObject(cause) ? cause : {};
  const { type, param, code } = given;
  return {
    error: {
      message,
      type: typeof type === 'string' ? type : typeOf(status),
      param: typeof param === 'string' ? param : null,
      code: typeof code === 'string' || typeof code === 'number' ? code : (CODES[status] ?? null),
    },
  };
}

export function openAiRefusal(failure: Failure): Reply {
  const { status, retryAfter } = failure;
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } };
  return { ...jsonReply(status, openAiError(failure)), ...headers };
}

export const openAiErrorEvent = (failure: Failure): string => `data: ${JSON.stringify(openAiError(failure))}\n\n`;
