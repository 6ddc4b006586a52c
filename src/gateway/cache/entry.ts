/** An answer or features as bytes and back, for stores: JSON about it, then the tensors' bytes. */
import type { InferRequest, InferResponse, RequestedOutput } from '../protocol/infer.ts';
import { isDatatype, type Parameter, type Parameters, type Tensor, wrongRaw } from '../tensor/tensor.ts';

/** Raised when the form changes, so that what an older muster has stored is not misread. */
const FORM = 2;

/** What answers and features have in common. The id is the client's own and not kept. */
interface Kept {
  readonly model: string;
  readonly version: string;
  readonly parameters: Parameters;
  readonly tensors: readonly Tensor[];
  /** Of features: what the model is asked for. */
  readonly asked: readonly RequestedOutput[];
}

interface Head {
  readonly form: number;
  readonly model: string;
  readonly version: string;
  readonly parameters: Written;
  readonly tensors: readonly (Omit<Tensor, 'data' | 'parameters'> & {
    readonly bytes: number;
    readonly parameters: Written;
  })[];
  readonly asked: readonly (readonly [name: string, parameters: Written])[];
}

/** Values with their kind, for JSON has no bigint. */
type Written = readonly (readonly [name: string, kind: 'bigint' | 'other', value: boolean | number | string])[];

const write = (parameters: Parameters = {}): Written =>
  Object.entries(parameters).map(([name, value]) =>
    typeof value === 'bigint' ? [name, 'bigint', String(value)] : [name, 'other', value],
  );

const read = (written: Written): Parameters =>
  Object.fromEntries(
    written.map(([name, kind, value]): [string, Parameter] => [name, kind === 'bigint' ? BigInt(value) : value]),
  );

/** How one kind of thing is kept. */
export interface Codec<T> {
  toBytes(value: T): Uint8Array;
  /** @returns undefined for bytes that are nothing of this form: others may write to the same store */
  fromBytes(bytes: Uint8Array): T | undefined;
}

export const ANSWER: Codec<InferResponse> = {
  toBytes: ({ outputs, ...more }) => toBytes({ ...more, tensors: outputs, asked: [] }),
  fromBytes(bytes) {
    const kept = fromBytes(bytes);
    if (!kept) return undefined;
    const { tensors, asked: _, ...more } = kept;
    return { ...more, id: '', outputs: tensors };
  },
};

/** A request as `preprocess` has made it. */
export const FEATURES: Codec<InferRequest> = {
  toBytes: ({ inputs, outputs, ...more }) => toBytes({ ...more, tensors: inputs, asked: outputs }),
  fromBytes(bytes) {
    const kept = fromBytes(bytes);
    if (!kept) return undefined;
    const { tensors, asked, ...more } = kept;
    return { ...more, id: '', inputs: tensors, outputs: asked };
  },
};

function toBytes({ model, version, parameters, tensors, asked }: Kept): Buffer {
  const head: Head = {
    form: FORM,
    model,
    version,
    parameters: write(parameters),
    tensors: tensors.map(({ name, datatype, shape, data, parameters: own }) => ({
      name,
      datatype,
      shape,
      bytes: data.length,
      parameters: write(own),
    })),
    asked: asked.map(({ name, parameters: own }) => [name, write(own)]),
  };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...tensors.map(({ data }) => data)]);
}

function fromBytes(bytes: Uint8Array): Kept | undefined {
  try {
    return readKept(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch {
    return undefined;
  }
}

function readKept(bytes: Buffer): Kept | undefined {
  let at = 4 + bytes.readUInt32LE(0);
  const { form, model, version, parameters, tensors, asked } = JSON.parse(bytes.toString('utf8', 4, at)) as Head;
  if (form !== FORM) return undefined;
  const whole = tensors.map(({ bytes: size, parameters: own, ...tensor }): Tensor => {
    const data = new Uint8Array(bytes.buffer, bytes.byteOffset + at, size);
    at += size;
    const kept = own.length === 0 ? {} : { parameters: read(own) };
    return { ...tensor, ...kept, data };
  });
  const sound = whole.every((each) => isDatatype(each.datatype) && wrongRaw(each) === undefined);
  if (!sound || at !== bytes.length) return undefined;
  const outputs = asked.map(([name, own]) => ({ name, parameters: read(own) }));
  return { model, version, parameters: read(parameters), tensors: whole, asked: outputs };
}
