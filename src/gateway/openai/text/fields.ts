/**
 * The fields of an OpenAI request to a model that takes text and gives text: what each means here, and which are refused because
 * nothing here can do what they ask. Silence would be an answer to another question. Pure.
 */
import { Failure, refuse } from '../../failure.ts';
import { isObject, type Json, parametersOf } from '../../protocol/json.ts';
import type { Parameter, Parameters } from '../../tensor/tensor.ts';

/** What is asked of the model, whether it came as a prompt or as a chat. */
export interface TextRequest {
  readonly prompts: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** The prompt stands before the answer. */
  readonly echo: boolean;
  readonly stop: readonly string[];
  readonly maxTokens: number | undefined;
  /** By OpenAI's names, `max_tokens` too; what the model knows of them becomes inputs. */
  readonly sampling: Parameters;
}

export type Form = 'completions' | 'chat/completions';

/** Each is a request to the model, and together they are one to us. */
const MAX_PROMPTS = 16;
const MAX_STOPS = 16;

/** Read by who makes prompts of them, or here. */
const OWN = new Set([
  'model', 'prompt', 'messages', 'stream', 'stream_options', 'echo', 'stop', 'max_tokens', 'max_completion_tokens',
  'add_generation_prompt', 'chat_template_kwargs',
]); // biome-ignore format: a table

/** They change nothing of the answer. */
const WITHOUT_EFFECT = new Set([
  'user', 'metadata', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'parallel_tool_calls',
]); // biome-ignore format: a table

/** Values that ask for nothing; any other one is more than a model of text can do. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  best_of: [1],
  suffix: [''],
  logprobs: [false],
  top_logprobs: [0],
  logit_bias: [{}],
  tools: [[]],
  tool_choice: ['none', 'auto'],
  functions: [[]],
  function_call: ['none', 'auto'],
  response_format: [{ type: 'text' }],
  modalities: [['text']],
  audio: [],
  prediction: [],
  web_search_options: [],
  store: [false],
  continue_final_message: [false],
  guided_regex: [],
  guided_grammar: [],
  chat_template: [],
};

const NUMBERS: Readonly<Record<string, { readonly whole: boolean; readonly min: number; readonly max: number }>> = {
  max_tokens: { whole: true, min: 0, max: 2 ** 31 - 1 },
  max_completion_tokens: { whole: true, min: 0, max: 2 ** 31 - 1 },
  temperature: { whole: false, min: 0, max: 2 },
  top_p: { whole: false, min: 0, max: 1 },
  presence_penalty: { whole: false, min: -2, max: 2 },
  frequency_penalty: { whole: false, min: -2, max: 2 },
  seed: { whole: true, min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
};

/** Everything but the prompts. @throws Failure 400 naming the first field that is wrong */
export function readFields(json: Json, form: Form, prompts: readonly string[]): TextRequest {
  const sampling: Record<string, Parameter> = {};
  for (const [name, value] of Object.entries(json)) {
    if (value === null) continue; // as if it were not there
    checkNeutral(name, value);
    checkNumber(name, value);
    if (isSampling(name)) sampling[name] = scalarOf(name, value);
  }
  const maxTokens = (json.max_completion_tokens ?? json.max_tokens ?? undefined) as number | undefined;
  if (maxTokens !== undefined) sampling.max_tokens = maxTokens;
  const streamOptions = json.stream_options ?? {};
  if (!isObject(streamOptions)) throw refuse('"stream_options" must be an object');
  if (form === 'chat/completions' && isYes('echo', json.echo)) throw refuse('"echo" is not for chats');
  return {
    prompts,
    stream: json.stream === true,
    includeUsage: isYes('stream_options.include_usage', streamOptions.include_usage),
    echo: isYes('echo', json.echo),
    stop: stopsOf(json.stop),
    maxTokens,
    sampling: parametersOf({ parameters: sampling }, 'the request'),
  };
}

const isSampling = (name: string): boolean =>
  !OWN.has(name) && !WITHOUT_EFFECT.has(name) && !Object.hasOwn(NEUTRAL, name);

function checkNeutral(name: string, value: unknown): void {
  const neutral = Object.hasOwn(NEUTRAL, name) ? NEUTRAL[name] : undefined;
  if (!neutral || neutral.some((each) => JSON.stringify(each) === JSON.stringify(value))) return;
  const [other] = neutral;
  const shown = `"${name}": ${JSON.stringify(value).slice(0, 60)}`;
  const advice = other === undefined ? 'leave it out' : `only ${JSON.stringify(other)} is`;
  throw refuse(
    `${shown} is not offered for a model of text: ${advice}; a predictor that speaks OpenAI's API may do it`,
  );
}

function checkNumber(name: string, value: unknown): void {
  const bounds = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
  if (!bounds) return;
  const { whole, min, max } = bounds;
  const isNumber = typeof value === 'number' && (!whole || Number.isSafeInteger(value));
  if (!isNumber || value < min || value > max)
    throw refuse(`"${name}" must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
}

/** Fields that are nobody's here go on as they are, where they are one value. */
function scalarOf(name: string, value: unknown): Parameter {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw refuse(`"${name}" is not known here, and what is not one value cannot be passed on to a model of text`);
}

function isYes(name: string, value: unknown): boolean {
  if (value !== undefined && value !== null && typeof value !== 'boolean')
    throw refuse(`"${name}" must be true or false`);
  return value === true;
}

function stopsOf(value: unknown): readonly string[] {
  const stops = (Array.isArray(value) ? value : [value ?? []]).flat();
  const isGood = stops.every((each) => typeof each === 'string' && each !== '');
  if (!isGood || stops.length > MAX_STOPS)
    throw refuse(`"stop" must be a text or a list of at most ${MAX_STOPS} texts`);
  return stops as readonly string[];
}

/** @throws Failure 400 */
export function promptsOf({ prompt }: Json): readonly string[] {
  const prompts = typeof prompt === 'string' ? [prompt] : prompt;
  if (!Array.isArray(prompts) || prompts.length === 0) throw refuse('"prompt" must be a text, or a list of texts');
  if (prompts.some((each) => typeof each === 'number' || Array.isArray(each)))
    throw refuse('"prompt" holds token ids, which only a model with its tokenizer takes: send it as text');
  if (!prompts.every((each) => typeof each === 'string')) throw refuse('"prompt" must be a text, or a list of texts');
  if (prompts.length > MAX_PROMPTS)
    throw new Failure(400, `"prompt" has ${prompts.length} texts, and at most ${MAX_PROMPTS} go in one request`);
  return prompts;
}
