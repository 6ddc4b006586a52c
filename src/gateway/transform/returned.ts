/** What a hook returned → what it must be, or why it is not: a module's slip is told as one, with its name. Pure. */
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import { checkedShape, isDatatype, type Parameters, type Tensor, wrongRaw } from '../tensor/tensor.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param given what the hook got: what is left out of its result is as it was there
 * @throws Error whose message says what is wrong; never the client's mistake
 */
export function returned<T extends InferRequest | InferResponse>(
  result: unknown,
  given: T,
  field: 'inputs' | 'outputs',
): T {
  const tensors = (result as Fields | undefined)?.[field];
  if (!Array.isArray(tensors)) throw new Error(`the hook returned nothing with "${field}"`);
  const whole: Fields = { ...given, ...(result as Fields), [field]: tensors.map(checkedTensor) };
  const odd = ['model', 'version', 'id'].find((name) => typeof whole[name] !== 'string');
  if (odd) throw new Error(`the hook returned a "${odd}" that is no text`);
  if (!areParameters(whole.parameters)) throw new Error(`the hook returned "parameters" that are no ${PARAMETERS}`);
  if (field === 'inputs' && !(Array.isArray(whole.outputs) && whole.outputs.every(isAsked)))
    throw new Error('the hook returned "outputs" that are no list of { name, parameters }');
  return whole as unknown as T;
}

const PARAMETERS = 'numbers, texts and booleans by name';
const KINDS: ReadonlySet<string> = new Set(['boolean', 'number', 'bigint', 'string']);

const areParameters = (value: unknown): value is Parameters =>
  typeof value === 'object' && value !== null && Object.values(value).every((each) => KINDS.has(typeof each));

const isAsked = (value: Fields | null): boolean => typeof value?.name === 'string' && areParameters(value.parameters);

function checkedTensor(value: Fields | null): Tensor {
  const { name, datatype, shape, data, parameters } = value ?? {};
  if (typeof name !== 'string') throw new Error('the hook returned a tensor without a name: make it by tensor(…)');
  if (!isDatatype(datatype)) throw new Error(`tensor "${name}": "${String(datatype)}" is no datatype`);
  if (!(data instanceof Uint8Array)) throw new Error(`tensor "${name}" has no bytes: make it by tensor(…)`);
  const tensor = { name, datatype, shape: shapeOf(name, shape), data };
  const wrong = wrongRaw(tensor);
  if (wrong !== undefined) throw new Error(wrong);
  if (parameters === undefined) return tensor;
  if (!areParameters(parameters)) throw new Error(`tensor "${name}" has "parameters" that are no ${PARAMETERS}`);
  return { ...tensor, parameters };
}

/** Without the status that says whose mistake it is. */
function shapeOf(name: string, shape: unknown): readonly number[] {
  try {
    return checkedShape(name, shape);
  } catch (error) {
    throw new Error((error as Error).message);
  }
}
