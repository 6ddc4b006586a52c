/**
 * Triton's generate extension: a flat JSON object whose fields are inputs, by name, or parameters; the answer is an object
 * whose fields are outputs.
 */
import { refuse } from '../failure.ts';
import type { Parameter, Tensor } from '../tensor/tensor.ts';
import { stringify, valuesOf } from '../tensor/to-json.ts';
import type { InferRequest, InferResponse, ModelMetadata } from './infer.ts';
import { isObject, type Json, parametersOf, parseAsWritten, parseObject, textField } from './json.ts';
import { guessedTensor, tensorOf } from './nested.ts';

export interface GenerateInput {
  readonly model: string;
  readonly version: string;
  readonly body: Uint8Array;
}

/**
 * Of a model that declares no inputs (MLServer's and KServe's need not), every field outside of `parameters` is one, as the
 * tensor that it looks like.
 *
 * @throws Failure 400
 */
export function readGenerate({ model, version, body }: GenerateInput, { inputs: known }: ModelMetadata): InferRequest {
  const isKnown = known.length > 0;
  const json = isKnown ? parseObject(body) : parseAsWritten(body);
  const nested = json.parameters ?? {};
  if (!isObject(nested)) throw refuse('"parameters" must be an object');
  const fields: Json = { ...nested, ...json };
  const inputs: Tensor[] = [];
  const parameters: Record<string, Parameter> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'id' || name === 'parameters') continue;
    const input = known.find((each) => each.name === name);
    if (input) inputs.push(tensorOf(input, value, 'front'));
    else if (!isKnown && name in json) inputs.push(guessedTensor(name, Array.isArray(value) ? value : [value]));
    else parameters[name] = value as Parameter;
  }
  const checked = parametersOf({ parameters }, 'the request');
  return { model, version, id: textField(json, 'id', 'the request'), parameters: checked, inputs, outputs: [] };
}

/** One answer: an output of one element is that element, another is its flat list. */
export function writeGenerated({ model, version, id, outputs }: InferResponse): string {
  const named = outputs.map((output) => {
    const values = valuesOf(output);
    return [output.name, values.length === 1 ? values[0] : values];
  });
  const head = { ...(id === '' ? {} : { id }), model_name: model, model_version: version };
  return stringify({ ...head, ...Object.fromEntries(named) });
}
