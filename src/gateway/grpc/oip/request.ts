/** ModelInferRequest → what is asked: its tensors raw, or typed lists made raw. Pure; the rules are Triton's, and KServe's where those are stricter. */
import { WireError } from '../../../wire/wire-error.ts';
import { Failure, refuse } from '../../failure.ts';
import type { InferRequest, RequestedOutput } from '../../protocol/infer.ts';
import type { Asked } from '../../request.ts';
import { RANGES } from '../../tensor/numbers.ts';
import {
  checkedShape,
  type Datatype,
  ELEMENT_BYTES,
  isDatatype,
  type Parameter,
  pushBounded,
  type Tensor,
  wrongRaw,
} from '../../tensor/tensor.ts';
import { FIELD, rawOfContents } from '../../upstream/oip/contents.ts';
import { type Described, readDescribed, readParameter } from '../../upstream/oip/messages.ts';
import { bigOf, bytesOf, readFields, signed, textOf, varints } from '../../upstream/oip/wire-format.ts';

/** A message whose tensors nobody has looked at: enough to know who is asked, and whom to answer. */
export interface ReadRequest {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly inputs: readonly Described[];
  readonly outputs: readonly RequestedOutput[];
  readonly raw: readonly Uint8Array[];
}

/** Runs what reads a client's message. @throws Failure 400, INTERNAL as every gRPC server says it, when it is no protobuf */
export function decoded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError)
      throw new Failure(400, `the request is ${error.message}`, { grpc: 13, cause: error });
    throw error;
  }
}

/** @throws WireError when it is no protobuf */
export function readRequest(bytes: Uint8Array): ReadRequest {
  const request = { model: '', version: '', id: '', parameters: {} as Record<string, Parameter> };
  const inputs: Described[] = [];
  const outputs: RequestedOutput[] = [];
  const raw: Uint8Array[] = [];
  readFields(bytes, (no, value) => {
    if (no === 1) request.model = textOf(value);
    else if (no === 2) request.version = textOf(value);
    else if (no === 3) request.id = textOf(value);
    else if (no === 4) readParameter(value, request.parameters);
    else if (no === 5) pushBounded(inputs, readDescribed(bytesOf(value)), 'inputs');
    else if (no === 6) pushBounded(outputs, readOutput(bytesOf(value)), 'outputs');
    else if (no === 7) pushBounded(raw, bytesOf(value), 'raw_input_contents');
  });
  return { ...request, inputs, outputs, raw };
}

export type Names = Pick<ReadRequest, 'model' | 'version' | 'id'>;

/** Those in the first bytes of a message, as far as they go. */
export function namesOf(bytes: Uint8Array): Names {
  const names = ['', '', '', ''];
  try {
    readFields(bytes, (no, value) => {
      if (no < names.length) names[no] = textOf(value);
    });
  } catch {} // cut off
  const [, model = '', version = '', id = ''] = names;
  return { model, version, id };
}

/** InferRequestedOutputTensor; its numbers are not those of a described tensor. */
function readOutput(bytes: Uint8Array): RequestedOutput {
  let name = '';
  const parameters: Record<string, Parameter> = {};
  readFields(bytes, (no, value) => {
    if (no === 1) name = textOf(value);
    else if (no === 2) readParameter(value, parameters);
  });
  return { name, parameters };
}

/** Who is asked, and nothing of what: it goes to the audit log. */
export const askedOf = ({ model, version }: ReadRequest): Asked => ({ model, version });

/** Whether the client speaks in typed lists, and is to be answered so. */
export const isTyped = ({ inputs, raw }: ReadRequest): boolean =>
  raw.length === 0 && inputs.some(({ contents }) => contents !== undefined && contents.length > 0);

/** @throws Failure 400 · WireError when typed contents are no protobuf */
export function inferRequestOf(read: ReadRequest): InferRequest {
  const { model, version, id, parameters, inputs: described, outputs, raw } = read;
  if (described.length === 0) throw refuse('the request has no inputs');
  if (raw.length > 0 && raw.length !== described.length)
    throw refuse(
      `raw_input_contents has ${raw.length} entries for ${described.length} inputs: one each, in their order`,
    );
  const inputs = described.map((each, at) => tensorOf(each, raw[at]));
  return { model, version, id, parameters, inputs, outputs };
}

function tensorOf({ name, datatype, shape, parameters, contents }: Described, raw: Uint8Array | undefined): Tensor {
  if (name === '') throw refuse('an input has no name');
  if (!isDatatype(datatype))
    throw refuse(`input "${name}": datatype "${datatype}" is none of ${Object.keys(ELEMENT_BYTES).join(', ')}`);
  if (raw !== undefined && contents !== undefined && contents.length > 0)
    throw refuse(`input "${name}" has contents beside raw_input_contents: give one of them for all inputs`);
  const data = raw ?? typedData(name, datatype, contents ?? EMPTY);
  const tensor = { name, datatype, shape: checkedShape(name, shape), parameters, data };
  const wrong = wrongRaw(tensor);
  if (wrong) throw refuse(wrong);
  return tensor;
}

const EMPTY = new Uint8Array(0);

/** The fields of InferTensorContents by their numbers. */
const LISTS = ['', 'bool', 'int', 'int64', 'uint', 'uint64', 'fp32', 'fp64', 'bytes'];

function typedData(name: string, datatype: Datatype, contents: Uint8Array): Uint8Array {
  const expected = FIELD[datatype];
  if (expected === undefined && contents.length > 0)
    throw refuse(`input "${name}": ${datatype} has no typed contents; send it in raw_input_contents`);
  const range = ELEMENT_BYTES[datatype] === 1 || ELEMENT_BYTES[datatype] === 2 ? RANGES[datatype] : undefined;
  readFields(contents, (no, value) => {
    if (no !== expected)
      throw refuse(
        `input "${name}" of ${datatype} has its values in ${LISTS[no] ?? `field ${no}`}_contents; ${LISTS[expected ?? 0]}_contents is where they belong`,
      );
    const [low, high] = range ?? [];
    if (low === undefined || high === undefined) return;
    const bad = varints(value).find((each) => bigOf(signed(each)) < low || bigOf(signed(each)) > high);
    if (bad !== undefined) throw refuse(`input "${name}" has ${signed(bad)}, and ${datatype} holds ${low} to ${high}`);
  });
  return rawOfContents(datatype, contents);
}
