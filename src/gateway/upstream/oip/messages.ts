/**
 * The messages of proto/oip_infer.proto that the gateway sends and reads. Tensors go out as raw_input_contents always, for
 * typed lists cost as much as JSON; they come back raw or typed, and raw wins: MLServer sends an empty `contents` beside.
 */
import { WireError } from '../../../wire/wire-error.ts';
import type {
  InferRequest,
  InferResponse,
  ModelMetadata,
  ServerMetadata,
  TensorMetadata,
} from '../../protocol/infer.ts';
import { isDatatype, type Parameter, type Parameters, type Tensor, wrongRaw } from '../../tensor/tensor.ts';
import { rawOfContents } from './contents.ts';
import { bytesOf, doubleOf, type FieldValue, ProtoWriter, readFields, signed, textOf, varints } from './wire-format.ts';

/** ModelInferRequest as parts that are written one after the other; the tensors' own bytes are among them, not copied. */
export function encodeInfer({ model, version, id, parameters, inputs, outputs }: InferRequest): readonly Uint8Array[] {
  const to = new ProtoWriter().text(1, model).text(2, version).text(3, id);
  writeParameters(to, 4, parameters);
  for (const { name, datatype, shape, parameters: own = {} } of inputs) {
    to.message(5, (input) => {
      input.text(1, name).text(2, datatype).packedInt64(3, shape);
      writeParameters(input, 4, own);
    });
  }
  for (const { name, parameters: own } of outputs) {
    to.message(6, (output) => {
      output.text(1, name);
      writeParameters(output, 2, own);
    });
  }
  for (const { data } of inputs) to.bytes(7, data);
  return to.parts();
}

export function writeParameters(to: ProtoWriter, no: number, parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters))
    to.message(no, (entry) => entry.text(1, name).message(2, (choice) => writeParameter(choice, value)));
}

function writeParameter(to: ProtoWriter, value: Parameter): void {
  if (typeof value === 'boolean') to.bool(1, value);
  else if (typeof value === 'string')
    to.bytes(3, Buffer.from(value, 'utf8')); // a chosen '' is there
  else if (typeof value === 'bigint' ? value >= 2n ** 63n : false) to.int64(5, value);
  else if (typeof value === 'bigint' || Number.isSafeInteger(value)) to.int64(2, value);
  else to.double(4, value);
}

/** An input or output of a message, before its bytes are looked at. */
export interface Described {
  name: string;
  datatype: string;
  shape: number[];
  parameters: Record<string, Parameter>;
  contents: Uint8Array | undefined;
}

/** @throws WireError malformed, also when bytes and shape of an output do not fit */
export function decodeInfer(bytes: Uint8Array): InferResponse {
  const response = { model: '', version: '', id: '', parameters: {} as Record<string, Parameter> };
  const described: Described[] = [];
  const raw: Uint8Array[] = [];
  readFields(bytes, (no, value) => {
    if (no === 1) response.model = textOf(value);
    else if (no === 2) response.version = textOf(value);
    else if (no === 3) response.id = textOf(value);
    else if (no === 4) readParameter(value, response.parameters);
    else if (no === 5) described.push(readDescribed(bytesOf(value)));
    else if (no === 6) raw.push(bytesOf(value));
  });
  return { ...response, outputs: described.map((each, at) => tensorOf(each, raw.length > 0 ? raw[at] : undefined)) };
}

function tensorOf({ name, datatype, shape, parameters, contents }: Described, raw: Uint8Array | undefined): Tensor {
  const wrong = (what: string) => new WireError('grpc', 'malformed', `the predictor's output "${name}": ${what}`);
  if (!isDatatype(datatype)) throw wrong(`datatype "${datatype}" is not known`);
  const data = raw ?? rawOfContents(datatype, contents ?? new Uint8Array(0));
  // KServe's server says here how its own HTTP would have framed it, which is not how we do.
  const { binary_data_size: _, ...own } = parameters;
  const tensor = { name, datatype, shape, parameters: own, data };
  const why = wrongRaw(tensor);
  if (why) throw wrong(why);
  return tensor;
}

export function readDescribed(bytes: Uint8Array): Described {
  const output: Described = { name: '', datatype: '', shape: [], parameters: {}, contents: undefined };
  readFields(bytes, (no, value) => {
    if (no === 1) output.name = textOf(value);
    else if (no === 2) output.datatype = textOf(value);
    else if (no === 3) for (const each of varints(value)) output.shape.push(Number(signed(each)));
    else if (no === 4) readParameter(value, output.parameters);
    else if (no === 5) output.contents = bytesOf(value);
  });
  return output;
}

/** One entry of a map<string, InferParameter>. */
export function readParameter(entry: FieldValue, into: Record<string, Parameter>): void {
  let name = '';
  let choice: Parameter | undefined;
  readFields(bytesOf(entry), (no, value) => {
    if (no === 1) name = textOf(value);
    else if (no === 2)
      readFields(bytesOf(value), (kind, each) => {
        choice = parameterOf(kind, each) ?? choice;
      });
  });
  if (choice !== undefined)
    Object.defineProperty(into, name, { value: choice, enumerable: true, configurable: true, writable: true });
}

function parameterOf(kind: number, value: FieldValue): Parameter | undefined {
  if (kind === 1) return Number(value) !== 0;
  if (kind === 2) return signed(value);
  if (kind === 3) return textOf(value);
  if (kind === 4) return doubleOf(value);
  return kind === 5 && !(value instanceof Uint8Array) ? value : undefined;
}

/** Triton's ModelStreamInferResponse. MLServer's ModelStreamInfer sends ModelInferResponse itself: see flavour.ts. */
export function decodeStreamed(bytes: Uint8Array): { error: string; response: InferResponse | undefined } {
  let error = '';
  let response: InferResponse | undefined;
  readFields(bytes, (no, value) => {
    if (no === 1) error = textOf(value);
    else if (no === 2) response = decodeInfer(bytesOf(value));
  });
  return { error, response };
}

/** ModelReadyRequest and ModelMetadataRequest. */
export const encodeNamed = (model: string, version: string): readonly Uint8Array[] =>
  new ProtoWriter().text(1, model).text(2, version).parts();

/** The one bool of ServerLive, ServerReady and ModelReady. */
export function decodeYes(bytes: Uint8Array): boolean {
  let yes = false;
  readFields(bytes, (no, value) => {
    if (no === 1) yes = Number(value) !== 0;
  });
  return yes;
}

export function decodeServerMetadata(bytes: Uint8Array): ServerMetadata {
  const extensions: string[] = [];
  const server = { name: '', version: '', extensions };
  readFields(bytes, (no, value) => {
    if (no === 1) server.name = textOf(value);
    else if (no === 2) server.version = textOf(value);
    else if (no === 3) extensions.push(textOf(value));
  });
  return server;
}

export function decodeModelMetadata(bytes: Uint8Array): ModelMetadata {
  const [versions, inputs, outputs] = [[] as string[], [] as TensorMetadata[], [] as TensorMetadata[]];
  const model = { name: '', versions, platform: '', inputs, outputs };
  readFields(bytes, (no, value) => {
    if (no === 1) model.name = textOf(value);
    else if (no === 2) versions.push(textOf(value));
    else if (no === 3) model.platform = textOf(value);
    else if (no === 4) inputs.push(readDescribed(bytesOf(value)));
    else if (no === 5) outputs.push(readDescribed(bytesOf(value)));
  });
  const plain = ({ name, datatype, shape }: TensorMetadata) => ({ name, datatype, shape });
  return { ...model, inputs: inputs.map(plain), outputs: outputs.map(plain) };
}
