/**
 * A request for a model from what it says of its inputs: random values within what models take, the same ones in each run.
 * Pure.
 */
import type { Refusal } from '../errors.ts';
import type { InferRequest, ModelMetadata, TensorMetadata } from '../gateway/protocol/infer.ts';
import { type NumberType, toRaw } from '../gateway/tensor/numbers.ts';
import { countOf, type Datatype, ELEMENT_BYTES, isDatatype, joinBytes, type Tensor } from '../gateway/tensor/tensor.ts';

/** More is no request that anybody sends, and a typo in --shape. */
const MAX_BYTES = 256 * 1024 * 1024;
const SEED = 20_260_101;

export interface Invented {
  readonly request: InferRequest;
  /** Inputs whose open sizes were taken as 1. */
  readonly opened: readonly string[];
}

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** @returns the request, or why there can be none, all reasons at once */
export function invent(
  { name, inputs }: ModelMetadata,
  version: string,
  shapes: Shapes,
): Invented | { readonly refusals: readonly Refusal[] } {
  const known = inputs.map((each) => each.name);
  const refusals = [...shapes.keys()]
    .filter((each) => !known.includes(each))
    .map((each) => refusal(`--shape names "${each}", but the inputs of "${name}" are ${known.join(', ')}`));
  if (inputs.length === 0) refusals.push(refusal(`"${name}" says of no input, so no request can be made up`, BODY));
  const random = randomFrom(SEED);
  const tensors = inputs.map((input) => inventTensor(input, shapes, random));
  refusals.push(...tensors.flatMap((each) => ('code' in each ? [each] : [])));
  if (refusals.length > 0) return { refusals };
  const opened = inputs.filter((each) => !shapes.has(each.name) && each.shape.some((size) => size < 0));
  const request = { model: name, version, id: '', parameters: {}, inputs: tensors as Tensor[], outputs: [] };
  return { request, opened: opened.map((each) => each.name) };
}

const BODY = 'Give a request of yours with --body.';
const refusal = (message: string, hint = 'Write --shape NAME=1x224x224x3 with the name of an input.'): Refusal => ({
  code: 'BENCH_REQUEST',
  message,
  hint,
});

function inventTensor({ name, datatype, shape }: TensorMetadata, shapes: Shapes, random: () => number) {
  if (!isDatatype(datatype)) return refusal(`input "${name}" has the datatype "${datatype}", which is not known`, BODY);
  const chosen = shapes.get(name) ?? shape.map((size) => (size < 0 ? 1 : size));
  const count = countOf(chosen);
  const bytes = count * (ELEMENT_BYTES[datatype] ?? WORD_BYTES);
  if (!(bytes <= MAX_BYTES)) return refusal(`input "${name}" of shape [${chosen}] has more than 256 MiB`);
  return { name, datatype, shape: chosen, data: inventData(datatype, count, random) };
}

const WORDS = ['the', 'quick', 'brown', 'fox', 'jumps', 'over', 'a', 'lazy', 'dog'];
/** Of a BYTES element, at most, its length included. */
const WORD_BYTES = 32;

function inventData(datatype: Datatype, count: number, random: () => number): Uint8Array {
  const whole = (below: number) => Math.floor(random() * below);
  const values = (one: () => number) => Array.from({ length: count }, one);
  switch (datatype) {
    case 'BYTES':
      return joinBytes(values(() => whole(WORDS.length)).map((at) => Buffer.from(`${WORDS[at]} ${WORDS[at]}`)));
    case 'BOOL':
      return Uint8Array.from(values(() => whole(2)));
    case 'FP16':
    case 'BF16':
    case 'FP32':
    case 'FP64':
      return toRaw(datatype, values(random));
    default:
      // Places in a vocabulary, ages, bytes of a picture: what is below 100 fits most of them.
      return toRaw(
        datatype as NumberType,
        values(() => whole(100)),
      );
  }
}

/** Numbers from 0 to 1, the same after the same seed: a linear congruential generator modulo 2^32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `IN FP32 [1,224,224,3]`, for people. */
export const describeInputs = ({ inputs }: InferRequest): string =>
  inputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape}]`).join(', ');
