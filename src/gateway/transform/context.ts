/** What a hook is given, made from the model's metadata: `transform.ts` says what each part is for. */
import { refuse } from '../failure.ts';
import type { ModelMetadata } from '../protocol/infer.ts';
import { rawOfJson } from '../tensor/from-json.ts';
import { fromRaw } from '../tensor/numbers.ts';
import { bytesElements, checkedShape, isDatatype, joinBytes, type Tensor } from '../tensor/tensor.ts';
import type { TransformContext } from './transform.ts';

const utf8 = new TextDecoder();

/** @throws Failure 400 where values do not fit, as for a request of a client */
function makeTensor(name: string, datatype: string, shape: readonly number[], values: readonly unknown[]): Tensor {
  if (!isDatatype(datatype)) throw refuse(`tensor "${name}": "${datatype}" is no datatype`);
  const checked = checkedShape(name, shape);
  const raw = values.every((each) => each instanceof Uint8Array);
  if (datatype === 'BYTES' && raw && values.length > 0)
    return { name, datatype, shape: checked, data: joinBytes(values as Uint8Array[]) };
  return { name, datatype, shape: checked, data: rawOfJson({ name, datatype, shape: checked }, values) };
}

function elements({ name, datatype, data }: Tensor): readonly Uint8Array[] {
  if (datatype !== 'BYTES') throw refuse(`tensor "${name}" is ${datatype}, and BYTES are wanted`);
  return bytesElements(data) ?? [];
}

function values(tensor: Tensor): readonly (number | bigint | boolean)[] {
  const { name, datatype, data } = tensor;
  if (datatype === 'BYTES') throw refuse(`tensor "${name}" is BYTES, and numbers are wanted`);
  if (datatype === 'BOOL') return Array.from(data, (each) => each !== 0);
  return Array.from(fromRaw(datatype, data) as ArrayLike<number>);
}

export const contextOf = (metadata: ModelMetadata): TransformContext => ({
  metadata,
  tensor: makeTensor,
  values,
  texts: (tensor) => elements(tensor).map((each) => utf8.decode(each)),
  bytes: elements,
});
