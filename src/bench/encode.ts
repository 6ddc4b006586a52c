/**
 * The body of a request in each way, as clients make it: from the tensor they have, every time. What the list ways do with
 * each value is what makes them dear. Pure.
 */
import type { InferRequest } from '../gateway/protocol/infer.ts';
import { parseExact } from '../gateway/protocol/json.ts';
import { toRaw } from '../gateway/tensor/numbers.ts';
import type { Datatype, Tensor } from '../gateway/tensor/tensor.ts';
import { stringify, valuesOf } from '../gateway/tensor/to-json.ts';
import { FIELD } from '../gateway/upstream/oip/contents.ts';
import { encodeInfer, writeParameters } from '../gateway/upstream/oip/messages.ts';
import { ProtoWriter } from '../gateway/upstream/oip/wire-format.ts';

/**
 * V2 JSON as Python's `json` and JavaScript's write it: with the digits of a double, 17 for most values of FP32.
 *
 * @returns makes the text anew with each call
 */
export function jsonEncoder({ id, parameters, inputs, outputs }: InferRequest): () => string {
  const wanted = outputs.length === 0 ? {} : { outputs: outputs.map(asked) };
  const write = isWide(inputs) ? stringify : JSON.stringify;
  const list = ({ name, datatype, shape, parameters: own, data }: Tensor) => ({
    name,
    datatype,
    shape,
    ...given(own),
    data: asNumbers(valuesOf({ name, datatype, shape, data }), write === stringify),
  });
  return () => write({ id, ...given(parameters), inputs: inputs.map(list), ...wanted });
}

const given = (parameters: Tensor['parameters'] = {}) => (Object.keys(parameters).length === 0 ? {} : { parameters });
const asked = ({ name, parameters }: InferRequest['outputs'][number]) => ({ name, ...given(parameters) });

/** Is there a number beyond 2^53, which JSON.stringify cannot write and JSON.parse not read? */
const isWide = (inputs: readonly Tensor[]): boolean =>
  inputs
    .filter(({ datatype }) => datatype === 'INT64' || datatype === 'UINT64')
    .some((each) => valuesOf(each).some((value) => !Number.isSafeInteger(Number(value))));
const asNumbers = (values: readonly unknown[], asTheyAre: boolean): readonly unknown[] =>
  typeof values[0] === 'bigint' && !asTheyAre ? values.map(Number) : values;

/** Where in a JSON body the values of each input are. */
interface Lists {
  readonly inputs: readonly { readonly data: readonly unknown[] }[];
}

/**
 * ModelInferRequest with typed lists, from `json`: what a transformer does that gets JSON and speaks gRPC. The text is
 * read, then each value is written into InferTensorContents.
 *
 * @returns makes the message anew with each call, in parts
 */
export function typedEncoder(request: InferRequest, json: string): () => readonly Uint8Array[] {
  const wide = isWide(request.inputs);
  return () => {
    const { inputs } = (wide ? parseExact(Buffer.from(json)) : JSON.parse(json)) as unknown as Lists;
    const to = new ProtoWriter();
    for (const [at, { name, datatype, shape, parameters = {} }] of request.inputs.entries()) {
      to.message(5, (input) => {
        input.text(1, name).text(2, datatype).packedInt64(3, shape);
        writeParameters(input, 4, parameters);
        input.message(5, (contents) => writeContents(contents, datatype, inputs[at]?.data ?? []));
      });
    }
    return [...encodeInfer({ ...request, inputs: [] }), ...to.parts()];
  };
}

/** Why a tensor of this type cannot go as a list. */
export const noLists = (inputs: readonly Tensor[]): string | undefined => {
  const none = inputs.find(({ datatype }) => FIELD[datatype] === undefined);
  return none && `InferTensorContents has no list for ${none.datatype} ("${none.name}")`;
};

function writeContents(to: ProtoWriter, datatype: Datatype, values: readonly unknown[]): void {
  const no = FIELD[datatype] ?? 0;
  switch (datatype) {
    case 'BYTES':
      for (const each of values) to.bytes(no, Buffer.from(String(each)));
      return;
    case 'FP32':
    case 'FP64':
      if (values.length > 0) to.bytes(no, toRaw(datatype, values as number[]));
      return;
    case 'BOOL':
      if (values.length > 0) to.bytes(no, Uint8Array.from(values, Number));
      return;
    default:
      to.packedInt64(no, values as number[]);
  }
}
