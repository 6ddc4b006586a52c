/** Numbers from bytes: JSON.parse and Number are the oracle, and what is no JSON is not taken. */

import { describe, expect, test } from 'vitest';
import { readNumbers, Scratch } from '../../../../src/gateway/json/read-numbers.ts';
import fc from '../../../property.ts';

const scratch = new Scratch();
const read = (text: string) => {
  scratch.count = 0;
  return readNumbers(Buffer.from(`${text}}`), 0, scratch);
};
const flat = (list: unknown): number[] => (list as unknown[]).flat(Infinity) as number[];

/** As FP32, bit for bit; as they are where the list says so. */
function same(text: string): void {
  const list = read(text);
  const meant = flat(JSON.parse(text));
  expect(list?.end).toBe(text.length);
  expect(Array.from(list?.values ?? [], Math.fround)).toEqual(meant.map(Math.fround));
  if (list?.exact) expect(Array.from(list.values)).toEqual(meant);
}

describe('taken', () => {
  test.each([
    '[]',
    '[ ]',
    '[[],[]]',
    '[0]',
    '[-0]',
    '[-0.0]',
    '[1,2.5,-3]',
    ' \t\r\n[ 1 , 2 ]'.trim(),
    '[[1,2],[3,[4]],5]',
    '[1E5,1e+5,1e-5,-1.25e2]',
    '[1e400,-1e400]',
    '[1e-400]',
    '[123456789012345678901234567890]',
    '[0.1,0.10000000149011612,0.30000001192092896]',
    '[0.00000000000000000000000000000000000001]',
    '[0.1234567890123456789012]',
    '[0.12345678901234567890123]',
    '[9007199254740991,9007199254740992,9007199254740993]',
    '[3.4028234663852886e38,3.4028235677973366e38,3.40282356779733661637539395458e38]',
    '[1.17549435e-38,1.401298464324817e-45,7.006492321624085e-46]',
    // Halfway between two of FP32, and a little to each side of it.
    '[16777217,16777217.000000001,16777216.99999999]',
    '[1.00000005960464477539,1.000000059604644775390625,1.00000005960464477540]',
    '[8388608.5,8388609.5,8388608.500000000000001,8388608.499999999999999]',
  ])('%s', (text) => {
    same(text);
  });

  test('every FP32 as JavaScript writes its double, which has up to 17 digits', () => {
    const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(floats, (values) => same(JSON.stringify(values))),
      { numRuns: 500 },
    );
  });

  test('every double', () => {
    const doubles = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(doubles, (values) => same(JSON.stringify(values))),
      { numRuns: 500 },
    );
  });

  test('what lies halfway between two of FP32, and a hair below and above it', () => {
    const mantissa = fc.integer({ min: 0, max: 2 ** 23 - 1 });
    fc.assert(
      fc.property(mantissa, fc.integer({ min: -10, max: 20 }), fc.nat(20), (at, power, zeros) => {
        const halfway = ((1 + (at + 0.5) / 2 ** 23) * 2 ** power).toFixed(36).replace(/0+$/, '');
        const below = halfway.replace(/5$/, '4999999999999999999999'.slice(0, zeros + 1));
        same(`[${halfway},${halfway}${'0'.repeat(zeros)}1,${below}]`.replaceAll(/\.(?=[,\]])/g, '.0'));
      }),
      { numRuns: 500 },
    );
  });

  test('any number that JSON has a way to write', () => {
    const number = fc.stringMatching(/^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?$/);
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), (texts) => same(`[${texts.join(',')}]`)),
      { numRuns: 500 },
    );
  });

  test('more than the scratch holds at first, beside lists that were read before', () => {
    const own = new Scratch();
    const [few, many] = [[1, 2, 3], Array.from({ length: 200_000 }, (_, at) => at / 8)];
    const text = Buffer.from(`${JSON.stringify(few)}${JSON.stringify(many)}}`);
    const first = readNumbers(text, 0, own);
    const second = readNumbers(text, first?.end ?? 0, own);
    expect(Array.from(first?.values ?? [])).toEqual(few);
    expect(Array.from(second?.values ?? [])).toEqual(many);
  });
});

describe('not taken', () => {
  test.each([
    ...['[', '[1', '[1,', '[1,]', '[,1]', '[1,,2]', '[[1]', '[1 2]', '[1;2]', '[[1][2]]'],
    ...[
      '[01]',
      '[00]',
      '[-]',
      '[--1]',
      '[+1]',
      '[.5]',
      '[1.]',
      '[1.e5]',
      '[1e]',
      '[1e+]',
      '[0x10]',
      '[1_000]',
      '[- 1]',
      '[1. 5]',
    ],
    ...['[NaN]', '[Infinity]', '[-Infinity]', '[nan]', '[null]', '[true]', '["1"]', '[{}]', '[1,{"a":2}]', '[1,"x"]'],
    ...['[1\u00a0]', '[\u0661]', '[1/**/]', '[1\v]', '[1\f]', "['1']", '[1\u0000]'],
  ])('%s', (text) => {
    expect(read(text)).toBeUndefined();
  });

  test('whatever JSON.parse refuses, and nothing that is a list of numbers', () => {
    const char = fc.constantFrom(...'0123456789.-+eE,[] ');
    fc.assert(
      fc.property(fc.array(char, { maxLength: 12 }), (chars) => {
        const text = `[${chars.join('')}]`;
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(read(text)?.end).not.toBe(text.length);
          return;
        }
        expect(Array.from(read(text)?.values ?? [], Math.fround)).toEqual(flat(parsed).map(Math.fround));
      }),
      { numRuns: 500 },
    );
  });
});
