/**
 * A model of text as its metadata describes it: which input takes the prompt, which others there are for what OpenAI's fields
 * mean, and where the text of an answer is. Pure.
 */
import { Failure, refuse } from '../../failure.ts';
import type { InferRequest, InferResponse, ModelMetadata, TensorMetadata } from '../../protocol/infer.ts';
import { tensorOf } from '../../protocol/nested.ts';
import type { Parameter, Tensor } from '../../tensor/tensor.ts';
import { valuesOf } from '../../tensor/to-json.ts';
import type { TextRequest } from './fields.ts';

/** By options; undefined: by the usual name, or the only one there is. */
export interface TextNames {
  readonly input: string | undefined;
  readonly output: string | undefined;
}

export interface TextModel {
  readonly name: string;
  readonly prompt: TensorMetadata;
  readonly output: string | undefined;
  /** All of them, by name. */
  readonly inputs: ReadonlyMap<string, TensorMetadata>;
}

const USUAL = { input: 'text_input', output: 'text_output' } as const;

/** @throws Failure 501 when it takes no text, or there is a choice */
export function textModelOf(metadata: ModelMetadata, names: TextNames): TextModel {
  const { name, inputs, outputs } = metadata;
  return {
    name,
    prompt: oneOf(name, 'input', inputs, names.input) ?? noText(name, 'no inputs are known of it', 'input'),
    output: oneOf(name, 'output', outputs, names.output)?.name,
    inputs: new Map(inputs.map((each) => [each.name, each])),
  };
}

type Kind = keyof typeof USUAL;

/** Undefined: the model tells none, and nobody named one. */
function oneOf(
  model: string,
  kind: Kind,
  all: readonly TensorMetadata[],
  wanted: string | undefined,
): TensorMetadata | undefined {
  const texts = all.filter(({ datatype }) => datatype === 'BYTES');
  const named = texts.find((each) => each.name === (wanted ?? USUAL[kind]));
  const [only, ...more] = texts;
  if (named) return named;
  if (all.length === 0) return wanted === undefined ? undefined : { name: wanted, datatype: 'BYTES', shape: [-1] };
  const has = texts.length === 0 ? 'none' : texts.map((each) => each.name).join(', ');
  if (wanted !== undefined) return noText(model, `it has no ${kind} "${wanted}" of BYTES, but ${has}`, kind);
  if (only && more.length === 0) return only;
  return noText(model, `its ${kind}s of BYTES are ${has}`, kind);
}

function noText(model: string, why: string, kind: Kind): never {
  const how = `--text_${kind}_name says which ${kind} is the text`;
  throw new Failure(
    501,
    `"${model}" is not known to take text and give text: ${why}; ${how}, or use /v2/models/…/infer`,
  );
}

/** What models call it that does not have OpenAI's name (TensorRT-LLM's). */
const ALSO: Readonly<Record<string, readonly string[]>> = { seed: ['random_seed'], stop: ['stop_words'] };
/** One JSON object in a text takes all of it (Triton's vLLM backend). */
const ALL_IN_ONE = 'sampling_parameters';
/** Inputs that ask for what an answer of OpenAI's API needs. */
const ASKED: Readonly<Record<string, boolean>> = {
  exclude_input_in_output: true, // echo is ours
  return_finish_reason: true,
  return_num_input_tokens: true,
  return_num_output_tokens: true,
};

/** @throws Failure 400 when a field does not fit the input of its name */
export function requestOf(model: TextModel, text: TextRequest, prompt: string): InferRequest {
  const inputs: Tensor[] = [tensorOf(model.prompt, prompt, 'front')];
  const parameters: Record<string, Parameter> = {};
  const give = (names: readonly string[], value: unknown): boolean => {
    const input = names.flatMap((each) => model.inputs.get(each) ?? [])[0];
    if (input === model.prompt) throw refuse(`"${input.name}" is where the prompt goes`);
    if (input) inputs.push(tensorOf(input, value, 'front'));
    return input !== undefined;
  };
  for (const [name, value] of Object.entries(ASKED)) give([name], value);
  give(['stream'], text.stream);
  const stop = text.stop.length > 0 ? { stop: text.stop } : {};
  if (!give([ALL_IN_ONE], JSON.stringify({ ...text.sampling, ...stop }))) {
    for (const [name, value] of Object.entries(text.sampling))
      if (!give([name, ...(ALSO[name] ?? [])], value)) parameters[name] = value;
    // What ends an answer is cut here too, so a model that knows nothing of it does not matter.
    if (stop.stop) give(['stop', ...(ALSO.stop ?? [])], stop.stop);
  }
  return { model: model.name, version: '', id: '', parameters, inputs, outputs: [] };
}

/** One answer of the model, in OpenAI's terms; undefined: it does not say. */
export interface Said {
  readonly text: string;
  readonly finish: string | undefined;
  readonly promptTokens: number | undefined;
  /** Of this answer alone. */
  readonly completionTokens: number | undefined;
}

/** @throws Failure 502 when there is no text in it */
export function readAnswer({ outputs }: InferResponse, { name, output }: TextModel): Said {
  const texts = outputs.filter(({ datatype }) => datatype === 'BYTES');
  const text = output === undefined ? texts[0] : texts.find((each) => each.name === output);
  if (!text) throw new Failure(502, `"${name}" gave an answer without ${output ?? 'a text'}`);
  const first = (wanted: string): unknown => {
    const found = outputs.find((each) => each.name === wanted);
    return found && valuesOf(found)[0];
  };
  return {
    text: valuesOf(text).join(''),
    finish: finishOf(first('finish_reason')),
    promptTokens: countOf(first('num_input_tokens')),
    completionTokens: countOf(first('num_output_tokens')),
  };
}

/** The words of vLLM; Python's `None` is not yet. */
const finishOf = (value: unknown): string | undefined =>
  typeof value !== 'string' || value === '' || value === 'None' ? undefined : value;

const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
