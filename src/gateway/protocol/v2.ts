/**
 * The Open Inference Protocol over HTTP: JSON, and the binary tensor data extension in both directions (JSON first, then
 * the tensors in order; `Inference-Header-Content-Length` says where the JSON ends).
 */
import { refuse } from '../failure.ts';
import { rawOfJson } from '../tensor/from-json.ts';
import {
  checkedShape,
  countOf,
  type Datatype,
  ELEMENT_BYTES,
  isDatatype,
  type Tensor,
  wrongRaw,
} from '../tensor/tensor.ts';
import { jsonOf, jsonPart, stringify } from '../tensor/to-json.ts';
import { readCut } from './cut-head.ts';
import type { InferRequest, InferResponse, ModelMetadata, RequestedOutput } from './infer.ts';
import { type Json, listField, parametersOf, parseExact, parseObject, textField, without } from './json.ts';
import type { Reply } from './reply.ts';

/** Names the JSON part's bytes, in both directions. */
export const JSON_BYTES_HEADER = 'inference-header-content-length';

/** Which outputs the client wants as bytes: by name, else for all. */
export interface Wants {
  readonly binary: boolean;
  readonly byName: ReadonlyMap<string, boolean>;
}

export interface V2Request {
  readonly request: InferRequest;
  readonly wants: Wants;
}

export interface V2Input {
  readonly model: string;
  readonly version: string;
  readonly body: Uint8Array;
  /** The value of the header; undefined: the body is JSON only. */
  readonly jsonBytes: string | undefined;
}

/** @throws Failure 400 */
export function readV2(input: V2Input): V2Request {
  const { body, jsonBytes } = input;
  const length = jsonBytes === undefined ? body.length : jsonLength(jsonBytes, body.length);
  const json = body.subarray(0, length);
  const read = (head: Json) => readHead(head, new BinaryPart(body.subarray(length)), input);
  return readCut(json, 'inputs', read) ?? read(exactIfNeeded(json, parseObject(json)));
}

function readHead(head: Json, binary: BinaryPart, { model, version }: V2Input): V2Request {
  const parameters = parametersOf(head, 'the request');
  const tensors = listField(head, 'inputs', 'the request');
  if (tensors.length === 0) throw refuse('the request has no inputs');
  const inputs = tensors.map((each) => readTensor(each, 'input', binary));
  binary.end();
  const outputs = listField(head, 'outputs', 'the request').map(readOutput);
  const id = textField(head, 'id', 'the request');
  return {
    request: {
      model,
      version,
      id,
      parameters: without(parameters, 'binary_data_output'),
      inputs,
      outputs: outputs.map(({ asked }) => asked),
    },
    wants: {
      binary: flag(parameters.binary_data_output, 'binary_data_output') ?? false,
      byName: new Map(
        outputs.flatMap(({ asked, binary: wanted }) => (wanted === undefined ? [] : [[asked.name, wanted]])),
      ),
    },
  };
}

/** The whole body is the one input of the model, in binary: what `Inference-Header-Content-Length: 0` says. */
export function readRaw({ model, version, body }: V2Input, { inputs }: ModelMetadata): V2Request {
  const [input, ...more] = inputs;
  if (!input || more.length > 0 || !isDatatype(input.datatype))
    throw refuse(`a body without JSON needs a model with one input; "${model}" has ${inputs.length}`);
  const tensor = { name: input.name, datatype: input.datatype, shape: inferShape(input, body.length), data: body };
  const wrong = wrongRaw(tensor);
  if (wrong) throw refuse(wrong);
  const request = { model, version, id: '', parameters: {}, inputs: [tensor], outputs: [] };
  return { request, wants: { binary: true, byName: new Map() } };
}

function inferShape({ name, datatype, shape }: ModelMetadata['inputs'][number], bytes: number): readonly number[] {
  const each = ELEMENT_BYTES[datatype as Datatype];
  const open = shape.filter((size) => size < 0).length;
  if (each === undefined && countOf(shape) === 1) return shape;
  // A batch in front counts as one, so that one axis at most is open.
  const known = open > 1 && (shape[0] ?? 0) < 0 ? [1, ...shape.slice(1)] : shape;
  if (each === undefined || known.filter((size) => size < 0).length > 1)
    throw refuse(`the shape of "${name}" ([${shape}], ${datatype}) cannot be told from ${bytes} bytes alone`);
  const rest = known.reduce((product, size) => (size < 0 ? product : product * size), each);
  return known.map((size) => (size < 0 ? Math.floor(bytes / rest) : size));
}

/** Where the JSON of a body ends. @throws Failure 400 */
export function jsonLength(text: string, bodyBytes: number): number {
  const length = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(length <= bodyBytes))
    throw refuse(
      `${JSON_BYTES_HEADER} is "${text.slice(0, 40)}", and should be in the range 0-${bodyBytes} of the body`,
    );
  return length;
}

/** A 64-bit value beyond 2^53 needs another look at its text: JSON.parse has rounded it. */
export function exactIfNeeded(json: Uint8Array, head: Json, field: 'inputs' | 'outputs' = 'inputs'): Json {
  const isWide = ({ datatype }: Json) => datatype === 'INT64' || datatype === 'UINT64';
  const beyond = (value: unknown): boolean =>
    Array.isArray(value) ? value.some(beyond) : typeof value === 'number' && !Number.isSafeInteger(value);
  const rounded = listField(head, field, 'the body').some((each) => isWide(each) && beyond(each.data));
  return rounded ? parseExact(json) : head;
}

/** The bytes behind the JSON, dealt out in the order of the tensors. */
export class BinaryPart {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(name: string, size: number): Uint8Array {
    const there = this.#bytes.length - this.#at;
    if (size > there) throw refuse(`"${name}" announces ${size} binary bytes, but ${there} are left in the body`);
    const part = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return part;
  }

  end(): void {
    const extra = this.#bytes.length - this.#at;
    if (extra > 0) throw refuse(`unexpected additional input data: ${extra} bytes behind the last tensor`);
  }
}

/** One of "inputs" or "outputs": its values are in it, or behind the JSON. @throws Failure 400 */
export function readTensor(given: Json, kind: 'input' | 'output', binary: BinaryPart): Tensor {
  const name = nameOf(given, `an ${kind}`);
  const of = `${kind} "${name}"`;
  const { datatype } = given;
  if (!isDatatype(datatype))
    throw refuse(`${of}: datatype ${JSON.stringify(datatype)} is none of ${Object.keys(ELEMENT_BYTES).join(', ')}`);
  const shape = checkedShape(name, given.shape);
  const parameters = parametersOf(given, of);
  const size = parameters.binary_data_size;
  const rest = without(parameters, 'binary_data_size');
  if (size === undefined) {
    if (given.data === undefined) throw refuse(`${of} has neither "data" nor the parameter "binary_data_size"`);
    const data = rawOfJson({ name, datatype, shape }, given.data, kind === 'output' ? 'nan' : 'refused');
    return { name, datatype, shape, parameters: rest, data };
  }
  if (given.data !== undefined) throw refuse(`${of} must set only one of "data" and the parameter "binary_data_size"`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw refuse(`${of}: binary_data_size must be a whole number of bytes`);
  const tensor = { name, datatype, shape, parameters: rest, data: binary.take(name, size) };
  const wrong = wrongRaw(tensor);
  if (wrong) throw refuse(wrong);
  return tensor;
}

function readOutput(output: Json): { asked: RequestedOutput; binary: boolean | undefined } {
  const name = nameOf(output, 'an output');
  const parameters = parametersOf(output, `output "${name}"`);
  return {
    asked: { name, parameters: without(parameters, 'binary_data') },
    binary: flag(parameters.binary_data, 'binary_data'),
  };
}

function nameOf(object: Json, of: string): string {
  const name = textField(object, 'name', of);
  if (name === '') throw refuse(`${of} has no name`);
  return name;
}

function flag(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw refuse(`parameter "${name}" must be true or false`);
}

/** JSON when no output is wanted as bytes, else the binary extension. */
export function writeV2({ model, version, id, parameters, outputs }: InferResponse, wants: Wants): Reply {
  const head = Object.entries({ model_name: model, model_version: version || undefined, id: id || undefined })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`)
    .join('');
  const parts: (string | Uint8Array)[] = [];
  const tails: Uint8Array[] = [];
  let text = `{${head}${parametersText(parameters)}"outputs":[`;
  for (const [at, output] of outputs.entries()) {
    const asBytes = wants.byName.get(output.name) ?? wants.binary;
    const comma = at === 0 ? '' : ',';
    const values = asBytes ? '' : jsonPart(output);
    if (asBytes) tails.push(output.data);
    if (typeof values === 'string') text += `${comma}${describeAs(output, asBytes, values)}`;
    else {
      parts.push(`${text}${comma}${describeAs(output, asBytes, '').slice(0, -1)}`, values);
      text = '}';
    }
  }
  parts.push(`${text}]}`);
  if (tails.length === 0) return { status: 200, type: 'application/json', parts };
  const jsonBytes = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  return {
    status: 200,
    type: 'application/octet-stream',
    headers: { [JSON_BYTES_HEADER]: String(jsonBytes) },
    parts: [...parts, ...tails],
  };
}

/** A tensor in JSON, with its values or with the number of bytes that follow behind. */
export const describe = (tensor: Tensor, asBytes: boolean): string =>
  describeAs(tensor, asBytes, asBytes ? '' : jsonOf(tensor));

/** @param values the JSON of them; they come last */
function describeAs(
  { name, datatype, shape, parameters = {}, data }: Tensor,
  asBytes: boolean,
  values: string,
): string {
  const own = asBytes ? { ...parameters, binary_data_size: data.length } : parameters;
  const head = `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape}]`;
  return `{${parametersText(own)}${head}${asBytes ? '' : `,"data":${values}`}}`;
}

/** `"parameters":{…},` or nothing. */
export const parametersText = (parameters: Tensor['parameters'] = {}): string =>
  Object.keys(parameters).length === 0 ? '' : `"parameters":${stringify(parameters)},`;
