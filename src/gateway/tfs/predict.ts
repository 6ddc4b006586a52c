/** PredictRequest and PredictResponse ↔ what the gateway asks and answers; for both sides, as client and as server. */
import type { InferRequest, InferResponse, RequestedOutput } from '../protocol/infer.ts';
import { pushBounded, type Tensor } from '../tensor/tensor.ts';
import { bytesOf, type FieldValue, ProtoWriter, readFields, textOf } from '../upstream/oip/wire-format.ts';
import { type ModelSpec, readModelSpec, writeModelSpec } from './model-spec.ts';
import { nested, type Parts, readTensor, writeTensor } from './tensor-proto.ts';

const NO_SPEC: ModelSpec = { model: '', version: '', signature: '' };

/** The tensors' own bytes are among the parts, not copied. Parameters have no place in it. */
export function encodePredict({ model, version, inputs, outputs }: InferRequest, signature: string): Parts {
  const filter = new ProtoWriter();
  for (const { name } of outputs) filter.text(3, name);
  return [
    ...specParts(1, { model, version, signature }),
    ...inputs.flatMap((input) => entry(2, input)),
    ...filter.parts(),
  ];
}

/** The answer; its model, version and signature are said as the server knows them. */
export const encodePredicted = ({ model, version, outputs }: InferResponse, signature: string): Parts => [
  ...outputs.flatMap((output) => entry(1, output)),
  ...specParts(2, { model, version, signature }),
];

const specParts = (no: number, spec: ModelSpec): Parts =>
  new ProtoWriter().message(no, (to) => writeModelSpec(to, spec)).parts();

/** An entry of map<string, TensorProto>. */
const entry = (no: number, tensor: Tensor): Parts =>
  nested(no, [...new ProtoWriter().text(1, tensor.name).parts(), ...nested(2, writeTensor(tensor))]);

/**
 * Of all tensors together no more than `maxBytes` may come that are not in the message. Of a spec in several parts the last one counts; `specOf` knows all of them.
 *
 * @throws Failure 400 · 501 for datatypes without counterpart · WireError malformed
 */
export function decodePredict(bytes: Uint8Array, maxBytes: number): { request: InferRequest; signature: string } {
  const { spec, tensors, outputs } = readPredict(bytes, { spec: 1, tensors: 2, filter: 3 }, maxBytes);
  const { model, version, signature } = spec;
  return { request: { model, version, id: '', parameters: {}, inputs: tensors, outputs }, signature };
}

/** @throws Failure 400, whose words are about the answer · 501 for datatypes without counterpart · WireError malformed */
export function decodePredicted(bytes: Uint8Array, asked: InferRequest, maxBytes: number): InferResponse {
  const { spec, tensors } = readPredict(bytes, { spec: 2, tensors: 1, filter: undefined }, maxBytes);
  const names = asked.outputs.map(({ name }) => name);
  // A map has no order; the request may have one.
  const outputs = tensors.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const { id, model, version } = asked;
  return { id, model: spec.model || model, version: spec.version || version, parameters: {}, outputs };
}

interface Fields {
  readonly spec: number;
  readonly tensors: number;
  readonly filter: number | undefined;
}

interface Read {
  readonly spec: ModelSpec;
  readonly tensors: readonly Tensor[];
  readonly outputs: readonly RequestedOutput[];
}

function readPredict(bytes: Uint8Array, fields: Fields, maxBytes: number): Read {
  let spec = NO_SPEC;
  const tensors = new Map<string, Tensor>();
  const outputs: RequestedOutput[] = [];
  let left = maxBytes;
  readFields(bytes, (no, value) => {
    if (no === fields.spec) spec = readModelSpec(bytesOf(value));
    else if (no === fields.tensors) {
      const tensor = readEntry(value, left);
      left -= Math.max(0, tensor.data.length - bytesOf(value).length); // what it stands for beyond what came
      tensors.set(tensor.name, tensor); // the last one counts, as in every map
    } else if (no === fields.filter)
      pushBounded(outputs, { name: textOf(value), parameters: {} }, 'names in output_filter');
  });
  return { spec, tensors: [...tensors.values()], outputs };
}

function readEntry(message: FieldValue, maxBytes: number): Tensor {
  const { key, value } = readMapEntry(message);
  return readTensor(key, value, maxBytes);
}

/** An entry of a map<string, message>. */
export function readMapEntry(message: FieldValue): { key: string; value: Uint8Array } {
  const found = { key: '', value: new Uint8Array(0) as Uint8Array };
  readFields(bytesOf(message), (no, value) => {
    if (no === 1) found.key = textOf(value);
    else if (no === 2) found.value = bytesOf(value);
  });
  return found;
}
