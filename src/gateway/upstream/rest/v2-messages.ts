/**
 * The bodies of OIP v2 over HTTP as a client of a predictor has them: InferRequest → bytes, bytes → InferResponse. Tensors go as
 * bytes where the predictor takes the binary tensor data extension, else as JSON; answers are read in either form. Pure.
 */
import { Failure } from '../../failure.ts';
import type {
  InferRequest,
  InferResponse,
  ModelMetadata,
  ServerMetadata,
  TensorMetadata,
} from '../../protocol/infer.ts';
import { isObject, type Json, listField, parseObject, textField } from '../../protocol/json.ts';
import {
  BinaryPart,
  describe,
  exactIfNeeded,
  JSON_BYTES_HEADER,
  jsonLength,
  parametersText,
  readTensor,
} from '../../protocol/v2.ts';
import type { Parameters, Tensor } from '../../tensor/tensor.ts';

export interface EncodedV2 {
  readonly headers: Readonly<Record<string, string>>;
  /** One after the other; the tensors' own bytes are among them, not copied. */
  readonly parts: readonly Uint8Array[];
}

/** @throws Failure 422 when BYTES that are no text would have to be JSON */
export function encodeV2({ id, parameters, inputs, outputs }: InferRequest, binary: boolean): EncodedV2 {
  const own = binary ? { ...parameters, binary_data_output: true } : parameters;
  const named = outputs.map((each) => `{${parametersText(each.parameters)}"name":${JSON.stringify(each.name)}}`);
  const json = Buffer.from(
    [
      '{',
      id === '' ? '' : `"id":${JSON.stringify(id)},`,
      parametersText(own),
      named.length === 0 ? '' : `"outputs":[${named.join(',')}],`,
      `"inputs":[${inputs.map((each) => (binary ? describe(each, true) : describeJson(each))).join(',')}]}`,
    ].join(''),
  );
  if (!binary) return { headers: { 'content-type': 'application/json' }, parts: [json] };
  return {
    headers: { 'content-type': 'application/octet-stream', [JSON_BYTES_HEADER]: String(json.length) },
    parts: [json, ...inputs.map(({ data }) => data)],
  };
}

function describeJson(input: Tensor): string {
  try {
    return describe(input, false);
  } catch (cause) {
    const why = 'holds bytes that are not UTF-8, and this predictor takes nothing but JSON over HTTP';
    throw new Failure(422, `input "${input.name}" ${why}; use --predictor_protocol grpc-v2`, { cause });
  }
}

/**
 * @param jsonBytes the header that says where the JSON ends; undefined: all of it is JSON
 * @throws Failure 400, whose words are about the answer
 */
export function decodeV2(body: Uint8Array, jsonBytes: string | undefined): InferResponse {
  const length = jsonBytes === undefined ? body.length : jsonLength(jsonBytes, body.length);
  const json = body.subarray(0, length);
  const binary = new BinaryPart(body.subarray(length));
  const head = exactIfNeeded(json, parseObject(json), 'outputs');
  const outputs = listField(head, 'outputs', 'the answer').map((each) => readTensor(each, 'output', binary));
  binary.end();
  return {
    model: textField(head, 'model_name', 'the answer'),
    version: textField(head, 'model_version', 'the answer'),
    id: textField(head, 'id', 'the answer'),
    parameters: scalarsIn(head.parameters),
    outputs,
  };
}

/** MLServer has HTTP headers among the parameters of its streams. */
const scalarsIn = (given: unknown): Parameters =>
  Object.fromEntries(Object.entries(isObject(given) ? given : {}).filter(isScalar)) as Parameters;

const isScalar = ([, value]: [string, unknown]): boolean =>
  ['boolean', 'number', 'bigint', 'string'].includes(typeof value);

/**
 * MLServer's infer_stream: each event is an answer like that of infer. It makes up an id where the client has none.
 *
 * @throws Failure 400, whose words are about the answer
 */
export const decodeInferred = (events: readonly string[], { id }: InferRequest): readonly InferResponse[] =>
  events.map((each) => ({ ...decodeV2(Buffer.from(each), undefined), id }));

export function serverMetadataOf(json: Json): ServerMetadata {
  return {
    name: textField(json, 'name', 'the metadata'),
    version: textField(json, 'version', 'the metadata'),
    extensions: textsOf(json.extensions),
  };
}

export function modelMetadataOf(json: Json): ModelMetadata {
  return {
    name: textField(json, 'name', 'the metadata'),
    versions: textsOf(json.versions),
    platform: textField(json, 'platform', 'the metadata'),
    inputs: tensorsOf(json, 'inputs'),
    outputs: tensorsOf(json, 'outputs'),
  };
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

/** Sizes may be text: some servers write what their own protobuf library makes of int64. */
function tensorsOf(json: Json, field: string): readonly TensorMetadata[] {
  return listField(json, field, 'the metadata').map((each) => {
    const shape = Array.isArray(each.shape) ? each.shape.map(Number) : [];
    if (!shape.every(Number.isSafeInteger))
      throw new Failure(400, `the shape of "${String(each.name)}" in the metadata is no list of sizes`);
    return {
      name: textField(each, 'name', 'the metadata'),
      datatype: textField(each, 'datatype', 'the metadata'),
      shape,
    };
  });
}

/** Does an answer of `…/ready` say yes? Some say it in the body too. */
export function saysReady(body: Uint8Array): boolean {
  try {
    const { ready } = parseObject(body);
    return isYes(ready ?? true);
  } catch {
    return true; // Triton says it by the status alone
  }
}

/** KServe has said it as a boolean and as text. */
export const isYes = (ready: unknown): boolean => !isObject(ready) && String(ready).toLowerCase() === 'true';
