/** A V2 body whose numbers are read from its bytes means what it means to JSON.parse: the same body with an escape in it is not cut. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import { cutLists } from '../../../../src/gateway/json/cut-lists.ts';
import { readV2 } from '../../../../src/gateway/protocol/v2.ts';
import fc from '../../../property.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** What a body means, or the words of its refusal. */
function meaning(text: string): unknown {
  try {
    return readV2({ model: 'm', version: '', body: bytesOf(text), jsonBytes: undefined }).request;
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return (error as Failure).message;
  }
}

/** Read by JSON.parse alone. The field comes last, so that it moves no place in the text that an error names. */
const slowly = (text: string): string => text.replace(/\}\s*$/, ',"\\u0061":0}');

const wasCut = (text: string): boolean => cutLists(bytesOf(text)) !== undefined;

const input = (datatype: string, shape: readonly number[], data: string): string =>
  `{"name":"IN","datatype":"${datatype}","shape":[${shape}],"data":${data}}`;
const body = (...inputs: readonly string[]): string => `{"id":"7","inputs":[${inputs.join(',')}],"parameters":{"a":1}}`;

describe('cut and uncut mean the same', () => {
  test.each<{ when: string; text: string; cut?: false }>([
    { when: 'one list', text: body(input('FP32', [3], '[1, 2.5 ,-3e-2]')) },
    {
      when: 'spaces, and a line at the end',
      text: ` ${body(input('FP32', [1], '[1]')).replace('"data":', '"data" \n:\t ')}\n`,
    },
    { when: 'nested lists', text: body(input('INT32', [2, 2], '[[1,2],[3,4]]')) },
    { when: 'an empty list', text: body(input('FP32', [0, 3], '[]')) },
    {
      when: 'several inputs',
      text: body(input('FP32', [2], '[1,2]'), input('UINT8', [1], '[255]'), input('INT64', [1], '[-5]')),
    },
    { when: 'text beside numbers', text: body(input('FP32', [2], '[1,2]'), input('BYTES', [2], '["a","ä"]')) },
    {
      when: 'true and false beside numbers',
      text: body(input('FP32', [1], '[1]'), input('BOOL', [2], '[true,false]')),
    },
    { when: 'BOOL as numbers', text: body(input('BOOL', [2], '[1,0]')) },
    { when: 'numbers as BYTES', text: body(input('BYTES', [2], '[1,0]')) },
    { when: 'too few', text: body(input('FP32', [3], '[1,2]')) },
    { when: 'too many, nested', text: body(input('FP32', [1], '[[1],[2],[3]]')) },
    { when: 'a fraction as INT32', text: body(input('INT32', [2], '[1,1.5]')) },
    { when: 'what overflows', text: body(input('FP32', [2], '[1,1e39]')) },
    { when: 'what overflows FP16', text: body(input('FP16', [2], '[65519,65520]')) },
    { when: 'what overflows BF16', text: body(input('BF16', [1], '[3.39617752923046e38]')) },
    { when: 'what is out of range', text: body(input('UINT8', [1], '[256]')) },
    { when: 'below zero as UINT64', text: body(input('UINT64', [1], '[-1]')) },
    { when: 'beyond 2^53', text: body(input('INT64', [2], '[9007199254740993,1]')) },
    { when: '64 bits that are not whole', text: body(input('INT64', [1], '[1.5]')) },
    {
      when: 'minus zero',
      text: body(input('FP32', [1], '[-0]'), input('INT8', [1], '[-0]'), input('FP64', [1], '[-0.0]')),
    },
    { when: 'seventeen digits as FP64', text: body(input('FP64', [1], '[0.30000001192092896]')) },
    { when: 'no known datatype', text: body(input('FP8', [1], '[1]')) },
    { when: 'no list', text: body(input('FP32', [1], '1')), cut: false },
    { when: 'a null among them', text: body(input('FP32', [2], '[1,null]')), cut: false },
    {
      when: 'a list that begins as what stands for another one',
      text: body(input('FP32', [2], '[5,6]'), input('FP32', [2], '[0,null]')),
    },
    { when: 'the key twice', text: body(input('FP32', [1], '[1],"data":[2]')) },
    { when: 'the key twice, a list and text', text: body(input('FP32', [1], '[1],"data":["x"]')) },
    {
      when: 'the inputs twice',
      text: `{"inputs":[${input('FP32', [1], '[1]')}],"inputs":[${input('FP32', [1], '[2]')}]}`,
    },
    {
      when: 'a parameter of that name',
      text: body(`{"name":"IN","datatype":"FP32","shape":[1],"parameters":{"data":[0]},"data":[1]}`),
    },
    { when: 'a text with that in it', text: body(input('BYTES', [1], '["data"]'), input('FP32', [1], '[4]')) },
    { when: 'a name that is it', text: body(`{"name":"data","datatype":"FP32","shape":[1],"data":[1]}`) },
    {
      when: 'bytes that are announced as well',
      text: body(`{"name":"IN","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4},"data":[1]}`),
    },
    {
      when: 'lists in what nobody asks for',
      text: `{"data":[0],"inputs":[${input('FP32', [1], '[7]')}],"more":{"data":[1,2]}}`,
    },
    { when: 'lists of objects with lists', text: body(input('FP32', [1], '[{"data":[1]}]')) },
    { when: 'no inputs', text: '{"data":[1,2]}' },
  ])('$when', ({ text, cut = true }) => {
    expect(wasCut(text)).toBe(cut);
    expect(wasCut(slowly(text))).toBe(false);
    expect(meaning(text)).toEqual(meaning(slowly(text)));
  });

  test('whatever the numbers and their datatype', () => {
    const datatype = fc.constantFrom(
      'BOOL',
      'UINT8',
      'INT8',
      'UINT16',
      'INT16',
      'INT32',
      'UINT32',
      'INT64',
      'UINT64',
      'FP16',
      'BF16',
      'FP32',
      'FP64',
      'BYTES',
    );
    const number = fc.oneof(
      fc.double({ noNaN: true }).map((each) => JSON.stringify(each).replace('null', '1e999')),
      fc.float({ noNaN: true, noDefaultInfinity: true }).map((each) => JSON.stringify(each)),
      fc.integer().map(String),
      fc.integer({ min: 0, max: 255 }).map(String),
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
      fc.stringMatching(/^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?$/),
    );
    fc.assert(
      fc.property(datatype, fc.array(number, { maxLength: 6 }), fc.nat(6), (type, values, count) => {
        const text = body(input(type, [count === 0 ? count : values.length], `[${values}]`));
        expect(meaning(text)).toEqual(meaning(slowly(text)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('a body with any one byte changed, doubled or lost', () => {
    const whole = body(input('FP32', [2], '[1.5,-2e1]'), input('INT64', [1], '[12]'));
    const how = fc.constantFrom('change', 'double', 'lose');
    const byte = fc.constantFrom(...'[]{}",:.-+eE 019data');
    fc.assert(
      fc.property(fc.nat(whole.length - 2), how, byte, (at, what, instead) => {
        const middle = { change: instead, double: whole.slice(at, at + 1) + instead, lose: '' }[what];
        const text = whole.slice(0, at) + middle + whole.slice(at + 1);
        const [one, other] = [meaning(text), meaning(slowly(text))];
        // An error of syntax quotes what is around it; the field that was added is part of that.
        if (typeof one === 'string' && /no JSON/.test(one)) expect(other).toMatch(/no JSON/);
        else expect(one).toEqual(other);
      }),
      { numRuns: 3_000 },
    );
  });
});

test.each([
  { count: 1_024, cut: true },
  { count: 1_025, cut: false },
])(
  'of $count lists in a body each is short: cut is $cut',
  ({ count, cut }) => {
    const text = body(...Array.from({ length: count }, (_, at) => input('FP32', [1], `[${at}]`)));
    expect(wasCut(text)).toBe(cut);
    expect(meaning(text)).toEqual(meaning(slowly(text)));
  },
  60_000,
);

test('a long list leaves a short rest', () => {
  const text = body(input('FP32', [1, 1000], JSON.stringify(Array.from({ length: 1000 }, (_, at) => at / 7))));
  const cut = cutLists(bytesOf(text));
  expect(cut?.rest.length).toBeLessThan(150);
  expect(cut?.lists.map(({ values }) => values.length)).toEqual([1000]);
});
