/** An answer as bytes and back, for stores outside of this process: JSON about it, then the tensors' bytes. */
import type { InferResponse } from '../protocol/infer.ts';
import { isDatatype, type Parameter, type Parameters, type Tensor, wrongRaw } from '../tensor/tensor.ts';

/** Raised when the form changes, so that what an older muster has stored is not misread. */
const FORM = 1;

interface Head {
  readonly form: number;
  readonly model: string;
  readonly version: string;
  readonly parameters: Written;
  readonly outputs: readonly (Omit<Tensor, 'data' | 'parameters'> & {
    readonly bytes: number;
    readonly parameters: Written;
  })[];
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

/** The id is the client's own and not kept. */
export function toBytes({ model, version, parameters, outputs }: InferResponse): Buffer {
  const head: Head = {
    form: FORM,
    model,
    version,
    parameters: write(parameters),
    outputs: outputs.map(({ name, datatype, shape, data, parameters: own }) => ({
      name,
      datatype,
      shape,
      bytes: data.length,
      parameters: write(own),
    })),
  };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...outputs.map(({ data }) => data)]);
}

/** @returns undefined for bytes that are no answer of this form: others may write to the same store */
export function fromBytes(bytes: Uint8Array): InferResponse | undefined {
  try {
    return readEntry(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch {
    return undefined;
  }
}

function readEntry(bytes: Buffer): InferResponse | undefined {
  let at = 4 + bytes.readUInt32LE(0);
  const { form, model, version, parameters, outputs } = JSON.parse(bytes.toString('utf8', 4, at)) as Head;
  if (form !== FORM) return undefined;
  const tensors = outputs.map(({ bytes: size, parameters: own, ...tensor }): Tensor => {
    const data = bytes.subarray(at, at + size);
    at += size;
    const kept = own.length === 0 ? {} : { parameters: read(own) };
    return { ...tensor, ...kept, data };
  });
  const sound = tensors.every((each) => isDatatype(each.datatype) && wrongRaw(each) === undefined);
  return sound && at === bytes.length
    ? { model, version, id: '', parameters: read(parameters), outputs: tensors }
    : undefined;
}
