/**
 * V1, TensorFlow Serving's JSON: `instances` (a list of rows) → `predictions`, or `inputs` (columns) → `outputs`. It names
 * no datatypes: the model's own metadata does.
 */
import { refuse } from '../failure.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { stringify, valuesOf } from '../tensor/to-json.ts';
import type { InferRequest, InferResponse, ModelMetadata, TensorMetadata } from './infer.ts';
import { isObject, type Json, parseObject } from './json.ts';
import { nest, tensorOf } from './nested.ts';
import type { Reply } from './reply.ts';

export type V1Form = 'rows' | 'columns';

export interface V1Request {
  readonly request: InferRequest;
  readonly form: V1Form;
}

/** @throws Failure 400 */
export function readV1(model: string, body: Uint8Array, metadata: ModelMetadata): V1Request {
  const json = parseObject(body);
  const form = 'instances' in json ? 'rows' : 'columns';
  const value = form === 'rows' ? json.instances : json.inputs;
  if (value === undefined) throw refuse('the body has neither "instances" nor "inputs"');
  const byName = form === 'rows' ? columnsOf(value, metadata) : columnsGiven(value, metadata);
  const inputs = metadata.inputs.flatMap((input) => {
    const column = Object.hasOwn(byName, input.name) ? byName[input.name] : undefined;
    return column === undefined ? [] : [tensorOf(input, decodeBase64(column), 'behind')];
  });
  const unknown = Object.keys(byName).filter((name) => !metadata.inputs.some((input) => input.name === name));
  if (unknown.length > 0)
    throw refuse(
      `"${model}" has no input "${unknown[0]}"; it has ${metadata.inputs.map(({ name }) => name).join(', ')}`,
    );
  return { request: { model, version: '', id: '', parameters: {}, inputs, outputs: [] }, form };
}

/** Rows → columns: of objects by name, else all of the one input. */
function columnsOf(instances: unknown, { name, inputs }: ModelMetadata): Json {
  if (!Array.isArray(instances) || instances.length === 0)
    throw refuse('"instances" must be a list with a row at least');
  const named = isNamed(instances[0]);
  if (instances.some((row) => isNamed(row) !== named)) throw refuse('"instances" mixes named rows and bare values');
  if (!named) return { [oneInput(name, inputs)]: instances };
  const names = Object.keys(instances[0]);
  const odd = instances.findIndex(
    (row) => Object.keys(row).length !== names.length || !names.every((each) => Object.hasOwn(row, each)),
  );
  if (odd >= 0) throw refuse(`row ${odd} of "instances" does not name the same inputs as row 0`);
  return Object.fromEntries(names.map((each) => [each, instances.map((row) => row[each])]));
}

const columnsGiven = (value: unknown, { name, inputs }: ModelMetadata): Json =>
  isNamed(value) ? value : { [oneInput(name, inputs)]: value };

function oneInput(model: string, inputs: readonly TensorMetadata[]): string {
  const [first, ...more] = inputs;
  if (first && more.length === 0) return first.name;
  throw refuse(
    `"${model}" has ${inputs.length} inputs, so each value needs the name of one: ${inputs.map(({ name }) => name).join(', ')}`,
  );
}

/** An object is a set of inputs, but `{"b64": …}` is a value. */
const isNamed = (value: unknown): value is Json => isObject(value) && !isBase64(value);

const isBase64 = (value: unknown): value is { readonly b64: string } =>
  isObject(value) && Object.keys(value).length === 1 && typeof value.b64 === 'string';

/** `{"b64": …}` stands for bytes, such as a picture. */
function decodeBase64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeBase64);
  return isBase64(value) ? Buffer.from(value.b64, 'base64') : value;
}

export function writeV1({ outputs }: InferResponse, form: V1Form): Reply {
  const nested = outputs.map((output) => ({ output, value: nest(valuesOf(output), output.shape) }));
  const only = nested.length === 1 ? nested[0] : undefined;
  const named = () => Object.fromEntries(nested.map(({ output, value }) => [output.name, value]));
  const body =
    form === 'columns'
      ? { outputs: only ? only.value : named() }
      : { predictions: only ? only.value : (rowsOf(nested) ?? named()) };
  return { status: 200, type: 'application/json', parts: [stringify(body)] };
}

/** One object a row, where all outputs have as many rows. */
function rowsOf(
  nested: readonly { readonly output: Tensor; readonly value: unknown }[],
): readonly unknown[] | undefined {
  const rows = nested[0]?.output.shape[0];
  if (rows === undefined || nested.some(({ output }) => output.shape[0] !== rows)) return undefined;
  return Array.from({ length: rows }, (_, at) =>
    Object.fromEntries(nested.map(({ output, value }) => [output.name, (value as readonly unknown[])[at]])),
  );
}
