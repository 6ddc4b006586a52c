/** A body whose long lists of numbers never become JSON values: the way of a large tensor, beside the way of everything else. */
import { Failure } from '../failure.ts';
import { cutLists } from '../json/cut-lists.ts';
import type { NumberList } from '../json/read-numbers.ts';
import { type Json, listField, parseObject } from './json.ts';

/**
 * What `read` makes of the body's object, in which `data` of the tensors may be a Float64Array.
 *
 * @returns undefined when it takes JSON.parse on the whole text: for what the numbers are, or to say what is wrong with them
 */
export function readCut<T>(json: Uint8Array, field: 'inputs' | 'outputs', read: (head: Json) => T): T | undefined {
  const cut = cutLists(json);
  if (!cut) return undefined;
  try {
    const head = parseObject(cut.rest);
    const tensors = listField(head, field, 'the body').map((each) => withValues(each, cut.lists));
    return tensors.includes(undefined) ? undefined : read({ ...head, [field]: tensors });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Undefined: these values must be exact, and are not. */
function withValues(tensor: Json, lists: readonly NumberList[]): Json | undefined {
  const data = Array.isArray(tensor.data) ? tensor.data : [];
  // A list that was left where it was may begin with a number too, but then something else follows.
  const list = data.length === 1 && typeof data[0] === 'number' ? lists[data[0]] : undefined;
  if (!list) return tensor;
  return list.exact || tensor.datatype === 'FP32' ? { ...tensor, data: list.values } : undefined;
}
