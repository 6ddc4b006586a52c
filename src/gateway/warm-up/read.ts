/** The file of warm-up requests → requests, or every complaint at once. */
import type { Refusal } from '../../errors.ts';
import { Failure } from '../failure.ts';
import type { PassedPath } from '../openai/document.ts';
import { isObject, type Json } from '../protocol/json.ts';

/** More would be a load test. */
const MAX_REQUESTS = 10_000;

export interface WarmUpRequest {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly model: string;
  readonly version: string;
  readonly api: 'v1' | 'v2' | PassedPath;
  /** The body as a client would send it. */
  readonly body: Uint8Array;
}

export interface WarmUpDefaults {
  /** Whose requests those are that name no model. */
  readonly model: string;
  /** The predictor speaks OpenAI's API. */
  readonly openAi: boolean;
}

export interface ReadWarmUp {
  readonly requests: readonly WarmUpRequest[];
  readonly refusals: readonly Refusal[];
}

/**
 * One JSON object a line: the body of a V2 request (`inputs` with names) or of a V1 request (`instances`), and `model` and
 * `version` beside it where they are not the default; of an OpenAI request where the predictor speaks that. Empty lines count
 * for nothing.
 *
 * @param file its name, for messages
 */
export function readWarmUp(text: string, file: string, { model, openAi }: WarmUpDefaults): ReadWarmUp {
  const requests: WarmUpRequest[] = [];
  const refusals: Refusal[] = [];
  const lines = text.split('\n');
  for (const [at, written] of lines.entries()) {
    if (written.trim() === '') continue;
    const read = readLine(written, at + 1, model, openAi ? openAiOf : tensorsOf);
    if (typeof read === 'string') refusals.push(refusal(`${file}, line ${at + 1}: ${read}`, openAi));
    else requests.push(read);
  }
  if (requests.length + refusals.length === 0) refusals.push(refusal(`${file} holds no request`, openAi));
  if (requests.length > MAX_REQUESTS)
    refusals.push(refusal(`${file} holds ${requests.length} requests, more than ${MAX_REQUESTS}`, openAi));
  return { requests, refusals: refusals.slice(0, 20) };
}

const EXAMPLES = {
  tensors: '{"model": "m", "inputs": [{"name": "IN", "datatype": "FP32", "shape": [1], "data": [0]}]}',
  openAi: '{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}',
};

const refusal = (message: string, openAi: boolean): Refusal => ({
  code: 'WARM_UP_INVALID',
  message,
  hint: `Each line is one request: ${openAi ? EXAMPLES.openAi : EXAMPLES.tensors}.`,
});

type ApiOf = (body: Json) => { readonly api: WarmUpRequest['api'] } | string;

function readLine(written: string, line: number, defaultModel: string, apiOf: ApiOf): WarmUpRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch (error) {
    return `no JSON: ${(error as Error).message.slice(0, 200)}`;
  }
  if (!isObject(value)) return 'no object';
  const { model = defaultModel, version = '', ...body } = value as Json;
  if (typeof model !== 'string' || typeof version !== 'string') return '"model" and "version" are text';
  const known = apiOf(body);
  if (typeof known === 'string') return known;
  const { api } = known;
  const sent = api === 'v1' || api === 'v2' ? body : { model, ...body };
  return { line, model, version, api, body: Buffer.from(JSON.stringify(sent)) };
}

function tensorsOf(body: Json): ReturnType<ApiOf> {
  if (!('inputs' in body) && !('instances' in body)) return 'neither "inputs" nor "instances"';
  return { api: isV2(body) ? 'v2' : 'v1' };
}

function openAiOf(body: Json): ReturnType<ApiOf> {
  if ('messages' in body) return { api: 'chat/completions' };
  if ('prompt' in body) return { api: 'completions' };
  return 'input' in body ? { api: 'embeddings' } : 'none of "messages", "prompt" and "input"';
}

/** V1 has `inputs` too: columns by name, or bare values. */
const isV2 = ({ inputs }: Json): boolean =>
  Array.isArray(inputs) && inputs.length > 0 && inputs.every((each) => isObject(each) && 'datatype' in each);

/** A failure in words of who wrote the file. */
export const inWords = ({ line, model }: WarmUpRequest, error: unknown): string =>
  `warm-up request of line ${line} to "${model}": ${error instanceof Failure ? error.message : String(error)}`;
