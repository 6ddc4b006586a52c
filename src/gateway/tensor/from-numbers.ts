/**
 * Numbers that lie in one array of doubles → raw bytes, without a JSON value in between. It takes what `rawOfJson` takes,
 * and what it does not take `rawOfJson` finds the words for.
 */
import { refuse } from '../failure.ts';
import type { JsonTensor } from './from-json.ts';
import { fromRaw, toRaw, type WideType, wideToRaw } from './numbers.ts';
import { countOf } from './tensor.ts';

/**
 * @param values row-major
 * @throws Failure 400 when they are too many or too few, or one does not fit
 */
export function rawOfNumbers(tensor: JsonTensor, values: Float64Array): Uint8Array {
  const raw = values.length === countOf(tensor.shape) ? fitting(tensor, values) : undefined;
  if (raw) return raw;
  throw refuse(`tensor "${tensor.name}": the values are no ${tensor.datatype} of shape [${tensor.shape}]`);
}

/** Undefined when a value would become infinite, or would not be itself where it must be whole. */
function fitting({ datatype }: JsonTensor, values: Float64Array): Uint8Array | undefined {
  switch (datatype) {
    case 'BOOL':
    case 'BYTES':
      return undefined;
    case 'INT64':
    case 'UINT64':
      return wide(datatype, values);
    case 'FP32': {
      const raw = toRaw(datatype, values);
      return finite(fromRaw(datatype, raw) as Float32Array) ? raw : undefined;
    }
    default: {
      const raw = toRaw(datatype, values);
      const back = new Float64Array(fromRaw(datatype, raw) as ArrayLike<number>);
      return (datatype.includes('INT') ? same(back, values) : finite(back)) ? raw : undefined;
    }
  }
}

function wide(datatype: WideType, values: Float64Array): Uint8Array | undefined {
  const low = datatype === 'INT64' ? -Number.MAX_SAFE_INTEGER : 0;
  const made: bigint[] = [];
  for (const each of values) {
    // Beyond 2^53 it takes a look at the text.
    if (!(Number.isSafeInteger(each) && each >= low)) return undefined;
    made.push(BigInt(each));
  }
  return wideToRaw(datatype, made);
}

// Loops, for `every` takes ten times as long.
function finite(values: Float32Array | Float64Array): boolean {
  for (let at = 0; at < values.length; at += 1) if (!Number.isFinite(values[at])) return false;
  return true;
}

function same(ones: Float64Array, others: Float64Array): boolean {
  for (let at = 0; at < ones.length; at += 1) if (ones[at] !== others[at]) return false;
  return true;
}
