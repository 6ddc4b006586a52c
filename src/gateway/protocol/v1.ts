/**
 * V1, TensorFlow Serving's JSON: `instances` (a list of rows) → `predictions`, or `inputs` (columns) → `outputs`. It names
 * no datatypes: the model's own metadata does, and where that is silent they are guessed from the values.
 */
import { refuse } from '../failure.ts';
import { bytesElements, type Parameters, type Tensor } from '../tensor/tensor.ts';
import { stringify, valuesOf } from '../tensor/to-json.ts';
import { documentBody, documentTensor } from './document.ts';
import type { InferRequest, InferResponse, ModelMetadata, TensorMetadata } from './infer.ts';
import { isObject, type Json, parseAsWritten, parseObject, textField } from './json.ts';
import { guessedTensor, nest, tensorOf } from './nested.ts';
import type { Reply } from './reply.ts';

export type V1Form = 'rows' | 'columns';

export interface V1Request {
  readonly request: InferRequest;
  readonly form: V1Form;
}

/** What the one tensor is called when nobody named it; KServe's words. */
export const UNNAMED = { input: 'input-0', output: 'output-0' } as const;

export interface V1Options {
  readonly version?: string;
  /** What the model takes by the signature that the body names, '' when it names none. @throws Failure 400 */
  readonly signed?: (signature: string) => SignedMetadata;
}

export interface SignedMetadata {
  readonly metadata: ModelMetadata;
  /** What tells the predictor. */
  readonly parameters: Parameters;
}

/** @throws Failure 400 */
export function readV1(model: string, body: Uint8Array, all: ModelMetadata, options: V1Options = {}): V1Request {
  const isKnown = all.inputs.length > 0 || all.signatures !== undefined;
  const json = isKnown ? parseObject(body) : parseAsWritten(body);
  const form = 'instances' in json ? 'rows' : 'columns';
  const value = form === 'rows' ? json.instances : json.inputs;
  if (value === undefined) throw refuse('the body has neither "instances" nor "inputs"');
  if (form === 'rows' && json.inputs !== undefined) throw refuse('the body has both "instances" and "inputs"');
  const { version = '', signed = () => ({ metadata: all, parameters: {} }) } = options;
  const { metadata, parameters } = signed(textField(json, 'signature_name', 'the body'));
  const byName = form === 'rows' ? columnsOf(value, metadata) : columnsGiven(value, metadata);
  const inputs = isKnown ? known(model, byName, metadata) : guessed(byName);
  return { request: { model, version, id: '', parameters, inputs, outputs: [] }, form };
}

/** The model says nothing of its inputs. */
const guessed = (byName: Json): readonly Tensor[] =>
  Object.entries(byName).map(([name, column]) => guessedTensor(name, decodeBase64(column)));

function known(model: string, byName: Json, metadata: ModelMetadata): readonly Tensor[] {
  const inputs = metadata.inputs.flatMap((input) => {
    const column = Object.hasOwn(byName, input.name) ? byName[input.name] : undefined;
    return column === undefined ? [] : [tensorOf(input, decodeBase64(column), 'behind')];
  });
  const unknown = Object.keys(byName).filter((name) => !metadata.inputs.some((input) => input.name === name));
  if (unknown.length > 0)
    throw refuse(
      `"${model}" has no input "${unknown[0]}"; it has ${metadata.inputs.map(({ name }) => name).join(', ')}`,
    );
  return inputs;
}

/** Rows → columns: of objects by name, else all of the one input. */
function columnsOf(instances: unknown, { name, inputs }: ModelMetadata): Json {
  return columnsOfRows(instances, 'instances', () => oneInput(name, inputs));
}

/** Rows → columns, by name; of bare rows the name is asked for. @throws Failure 400 when the rows are not alike */
export function columnsOfRows(instances: unknown, field: string, bareName: () => string): Json {
  if (!Array.isArray(instances) || instances.length === 0)
    throw refuse(`"${field}" must be a list with a row at least`);
  const named = isNamed(instances[0]);
  if (instances.some((row) => isNamed(row) !== named)) throw refuse(`"${field}" mixes named rows and bare values`);
  if (!named) return { [bareName()]: instances };
  const names = Object.keys(instances[0]);
  const odd = instances.findIndex(
    (row) => Object.keys(row).length !== names.length || !names.every((each) => Object.hasOwn(row, each)),
  );
  if (odd >= 0) throw refuse(`row ${odd} of "${field}" does not have the same names as row 0`);
  return Object.fromEntries(names.map((each) => [each, instances.map((row) => row[each])]));
}

const columnsGiven = (value: unknown, { name, inputs }: ModelMetadata): Json =>
  isNamed(value) ? value : { [oneInput(name, inputs)]: value };

function oneInput(model: string, inputs: readonly TensorMetadata[]): string {
  const [first, ...more] = inputs.filter(({ optional }) => !optional);
  if (!first) return UNNAMED.input;
  if (more.length === 0) return first.name;
  throw refuse(
    `"${model}" has ${inputs.length} inputs, so each value needs the name of one: ${inputs.map(({ name }) => name).join(', ')}`,
  );
}

/** An object is a set of inputs, but `{"b64": …}` is a value. */
export const isNamed = (value: unknown): value is Json => isObject(value) && !isBase64(value);

const isBase64 = (value: unknown): value is { readonly b64: string } =>
  isObject(value) && Object.keys(value).length === 1 && typeof value.b64 === 'string';

/** `{"b64": …}` stands for bytes, such as a picture. */
export function decodeBase64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeBase64);
  return isBase64(value) ? Buffer.from(value.b64, 'base64') : value;
}

export function writeV1({ outputs }: InferResponse, form: V1Form): Reply {
  const nested = outputs.map((output) => ({ output, value: nest(jsonValues(output), output.shape) }));
  const only = nested.length === 1 ? nested[0] : undefined;
  const named = () => Object.fromEntries(nested.map(({ output, value }) => [output.name, value]));
  const body =
    form === 'columns'
      ? { outputs: only ? only.value : named() }
      : { predictions: only ? only.value : (rowsOf(nested) ?? named()) };
  return { status: 200, type: 'application/json', parts: [stringify(body)] };
}

/** TensorFlow Serving's rule: texts whose name ends so are bytes. */
function jsonValues(output: Tensor): readonly unknown[] {
  if (output.datatype !== 'BYTES' || !output.name.endsWith('_bytes')) return valuesOf(output);
  return (bytesElements(output.data) ?? []).map((each) => ({ b64: Buffer.from(each).toString('base64') }));
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

/** A V1 body that is passed on as it is: a predictor that speaks V1 itself takes it, and answers with another. */
const DOCUMENT = 'v1-document';
const VERB = 'v1_verb';

const VERBS = ['predict', 'explain', 'classify', 'regress'] as const;
export type V1Verb = (typeof VERBS)[number];

export const isV1Verb = (text: unknown): text is V1Verb => VERBS.some((each) => each === text);

export interface V1Document {
  readonly verb: V1Verb;
  readonly body: Uint8Array;
}

export function documentRequest(model: string, { verb, body }: V1Document, version = ''): InferRequest {
  return {
    model,
    version,
    id: '',
    parameters: { [VERB]: verb },
    inputs: [documentTensor(DOCUMENT, body)],
    outputs: [],
  };
}

/** The document of a request, if it is one. */
export function documentOf({ parameters, inputs: [input] }: InferRequest): V1Document | undefined {
  const verb = parameters[VERB];
  if (!isV1Verb(verb)) return undefined;
  return input?.name === DOCUMENT ? { verb, body: documentBody(input) } : undefined;
}

export const documentAnswer = ({ model, version, id }: InferRequest, body: Uint8Array): InferResponse => ({
  ...{ model, version, id },
  parameters: {},
  outputs: [documentTensor(DOCUMENT, body)],
});

/** The predictor's own answer, byte by byte. */
export const writeDocument = ({ outputs: [output] }: InferResponse): Reply => ({
  status: 200,
  type: 'application/json',
  parts: output ? [documentBody(output)] : [],
});
