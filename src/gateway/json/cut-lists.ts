/**
 * A body of JSON without its long lists: each `"data": […]` of numbers is read from the bytes and replaced by a short list
 * that says which one it was. What is left goes to `JSON.parse`, so that everything but the numbers is judged by it.
 *
 * A list for a list changes nothing about whether a text is JSON. Nor can such a place lie within a string, for without a
 * backslash no string holds a quote; a text with one is not cut.
 */
import { type NumberList, readNumbers, Scratch } from './read-numbers.ts';

export interface CutBody {
  /** Every list of numbers under `data`, and only these, became `[n]`: the nth of `lists`. */
  readonly rest: Uint8Array;
  readonly lists: readonly NumberList[];
}

const KEY = Buffer.from('"data"');
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = 0x5b;
const END = 0x7d;

/** One for all, for a body is read without a pause. What more numbers took than these, 8 MiB, is not kept for the next. */
let scratch = new Scratch();
const KEPT_VALUES = 2 ** 20;
/** Each costs 700 bytes beside its numbers, which pays where they are long; a body of short ones would hold us up for seconds. */
const MAX_LISTS = 1_024;

/** @returns undefined when there is nothing to cut, or it would not be safe */
export function cutLists(body: Uint8Array): CutBody | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, endOf(body));
  if (bytes.at(-1) !== END) return undefined;
  scratch.count = 0;
  const kept: Buffer[] = [];
  const lists: NumberList[] = [];
  let from = 0;
  for (let key = bytes.indexOf(KEY); key >= 0 && lists.length <= MAX_LISTS; ) {
    const open = listBehind(bytes, key + KEY.length);
    const list = open > 0 ? readNumbers(bytes, open, scratch) : undefined;
    if (list) {
      kept.push(bytes.subarray(from, open), Buffer.from(`[${lists.length}]`));
      lists.push(list);
      from = list.end;
    }
    key = bytes.indexOf(KEY, list?.end ?? key + KEY.length);
  }
  if (scratch.values.length > KEPT_VALUES) scratch = new Scratch(); // the lists keep theirs as long as they are needed
  if (lists.length === 0 || lists.length > MAX_LISTS) return undefined;
  const rest = Buffer.concat([...kept, bytes.subarray(from)]);
  return rest.includes(BACKSLASH) ? undefined : { rest, lists };
}

/** Where a list opens behind a key; 0 when something else does. */
function listBehind(bytes: Uint8Array, key: number): number {
  const colon = skipSpace(bytes, key);
  const open = bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : 0;
  return bytes[open] === OPEN ? open : 0;
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function endOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && isSpace(bytes[end - 1])) end -= 1;
  return end;
}
