/**
 * The bodies of V1 (TensorFlow Serving's JSON, KServe's default) as a client of a predictor has them. V1 has no datatypes: what
 * goes out loses them, and what comes back is what its values look like. Pure.
 */
import { Failure, refuse } from '../../failure.ts';
import type { InferRequest, InferResponse, TensorMetadata } from '../../protocol/infer.ts';
import { isObject, type Json, parseAsWritten, parseExact, parseObject } from '../../protocol/json.ts';
import { guessedTensor, nest, tensorOf } from '../../protocol/nested.ts';
import { columnsOfRows, decodeBase64, isNamed, UNNAMED } from '../../protocol/v1.ts';
import { bytesElements, type Tensor } from '../../tensor/tensor.ts';
import { stringify, valuesOf } from '../../tensor/to-json.ts';
import { isYes } from './v2-messages.ts';

/**
 * One tensor becomes bare rows, several become rows with their names: that is what KServe's servers and TensorFlow Serving
 * both take. Tensors without rows in common become columns.
 *
 * @param head what stands before them
 * @throws Failure 400 for a shape that few bytes have and that is a great many lists
 */
export function encodeV1({ inputs }: InferRequest, head: Json = {}): Uint8Array {
  for (const input of inputs) checkLists(input);
  const nested = inputs.map((input) => ({ ...input, value: nest(jsonValues(input), input.shape) }));
  const [first, ...more] = nested;
  const rows = first?.shape[0];
  if (first === undefined) throw refuse('the request has no inputs');
  if (rows === undefined || more.some(({ shape }) => shape[0] !== rows))
    return bodyOf({ ...head, inputs: Object.fromEntries(nested.map(({ name, value }) => [name, value])) });
  if (more.length === 0) return bodyOf({ ...head, instances: first.value });
  const row = (at: number) =>
    Object.fromEntries(nested.map(({ name, value }) => [name, (value as readonly unknown[])[at]]));
  return bodyOf({ ...head, instances: Array.from({ length: rows }, (_, at) => row(at)) });
}

/** Some 100 bytes each. A shape such as [1000000000, 0] needs no values at all. */
const MAX_LISTS = 2 ** 22;

function checkLists({ name, shape }: Tensor): void {
  let [lists, rows] = [0, 1];
  for (const size of shape.slice(0, -1)) {
    rows *= size;
    lists += rows;
  }
  // What is too many to count is no number.
  if (!(lists <= MAX_LISTS))
    throw refuse(`tensor "${name}" of shape [${shape}] is more than ${MAX_LISTS} lists within a list in V1's JSON`);
}

const bodyOf = (value: unknown): Uint8Array => Buffer.from(stringify(value));

/** BYTES that are no text go as `{"b64": "…"}`. */
function jsonValues(tensor: Tensor): readonly unknown[] {
  if (tensor.datatype !== 'BYTES') return valuesOf(tensor);
  return (bytesElements(tensor.data) ?? []).map((each) => {
    const text = Buffer.from(each).toString('utf8');
    return Buffer.from(text).equals(each) ? text : { b64: Buffer.from(each).toString('base64') };
  });
}

/**
 * @param known the model's outputs, where it tells them: their names and datatypes count before what values look like
 * @throws Failure 400, whose words are about the answer; or about the request, when it wants an output that is not there
 */
export function decodeV1(
  body: Uint8Array,
  request: InferRequest,
  known: readonly TensorMetadata[] = [],
): InferResponse {
  const json = parseFor(known, body);
  const [only, ...others] = known;
  const bare = only && others.length === 0 ? only.name : UNNAMED.output;
  const columns =
    'predictions' in json ? columnsOfPredictions(json.predictions, bare) : columnsOfOutputs(json.outputs, bare);
  const outputs = Object.entries(columns).map(([name, column]) => {
    const output = known.find((each) => each.name === name);
    const value = decodeBase64(column);
    return output ? tensorOf(output, value, 'behind') : guessedTensor(name, value);
  });
  const { model, version, id } = request;
  return { model, version, id, parameters: {}, outputs };
}

/** Numbers as their datatypes need them; without any, as they are written. */
function parseFor(known: readonly TensorMetadata[], body: Uint8Array): Json {
  if (known.length === 0) return parseAsWritten(body);
  const json = parseObject(body);
  return known.some(({ datatype }) => datatype.endsWith('INT64')) ? parseExact(body) : json;
}

/** Rows, or columns by name, which KServe's servers give under this word too. */
function columnsOfPredictions(value: unknown, bare: string): Json {
  if (isNamed(value)) return value;
  if (Array.isArray(value) && value.length === 0) return { [bare]: [] };
  return columnsOfRows(value, 'predictions', () => bare);
}

function columnsOfOutputs(value: unknown, bare: string): Json {
  if (value === undefined) throw refuse('it has neither "predictions" nor "outputs"');
  return isNamed(value) ? value : { [bare]: value };
}

/** The outputs that were asked for by name. @throws Failure 400 */
export function chosen(response: InferResponse, { outputs: asked }: InferRequest): InferResponse {
  if (asked.length === 0) return response;
  const outputs = asked.map(({ name }) => {
    const found = response.outputs.find((each) => each.name === name);
    if (found) return found;
    const given = response.outputs.map((each) => each.name).join(', ');
    throw new Failure(400, `the predictor gave no output "${name}"; it gave ${given}`);
  });
  return { ...response, outputs };
}

/** `{"ready": …}` of KServe, or the versions of TensorFlow Serving: one that is available will do. */
export function saysModelReady(json: Json): boolean {
  const { ready, model_version_status: versions } = json;
  if (ready !== undefined) return isYes(ready);
  if (!Array.isArray(versions)) return true;
  return versions.some((each) => isObject(each) && each.state === 'AVAILABLE');
}
