/** What the gateway reads of bodies that it passes on: which model, stream or not, and what was used. Pure. */
import { refuse } from '../failure.ts';
import { isObject, type Json, parseObject } from '../protocol/json.ts';

export interface Head {
  /** '' when the body names none. */
  readonly model: string;
  readonly stream: boolean;
}

/** @throws Failure 400 */
export function readHead(body: Uint8Array): Head & { readonly json: Json } {
  const json = parseObject(body);
  const { model = '', stream = false } = json;
  if (typeof model !== 'string') throw refuse('"model" must be a string');
  if (stream !== null && typeof stream !== 'boolean') throw refuse('"stream" must be true or false');
  return { model, stream: stream === true, json };
}

/** @param served those that clients may ask for; empty: all @throws Failure 400 */
export function modelOf({ model }: Head, served: readonly string[]): string {
  const [only, ...more] = served;
  if (model !== '') return model;
  if (only !== undefined && more.length === 0) return only;
  throw refuse(`"model" is missing${served.length > 0 ? `; there is ${served.join(', ')}` : ''}`);
}

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
}

/** `usage` of an answer, where it has one. */
export function usageOf({ usage }: Json): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = usage;
  return isCount(prompt) && isCount(completion) ? { prompt, completion } : undefined;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** How the events of a stream ended: `done` by `[DONE]`; `error`: an event said so; `none`: neither. */
export type LastWord = 'done' | 'error' | 'none';

/** What passes of a stream, told as it passes. JSON has no bare line ends, so that a line begins where it seems to. */
export class PassingEvents {
  #done = false;
  #failed = false;
  usage: Usage | undefined;

  /** @param text whole events @returns how many of them hold data */
  take(text: string): number {
    let count = 0;
    for (const line of dataLines(text)) {
      count += 1;
      if (line === '[DONE]') this.#done = true;
      else if (line.startsWith('{"error"')) this.#failed = true;
      else if (HAS_USAGE.test(line)) this.usage = usageIn(line) ?? this.usage;
    }
    return count;
  }

  get last(): LastWord {
    if (this.#failed) return 'error';
    return this.#done ? 'done' : 'none';
  }
}

/** vLLM says `"usage":null` in each event but the last one. Within a text its quotes would be escaped. */
const HAS_USAGE = /"usage":\s*\{/;

const dataLines = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length).trim()] : []));

function usageIn(line: string): Usage | undefined {
  try {
    return usageOf(JSON.parse(line) as Json);
  } catch {
    return undefined; // the client's to find out
  }
}
