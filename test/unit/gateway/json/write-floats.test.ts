import { describe, expect, test } from 'vitest';
import { FLOAT_ROOM, writeFloats } from '../../../../src/gateway/json/write-floats.ts';
import fc from '../../../property.ts';

function written(values: readonly number[] | Float32Array): string {
  const floats = Float32Array.from(values);
  const out = new Uint8Array(floats.length * FLOAT_ROOM);
  return Buffer.from(out.subarray(0, writeFloats(floats, out, 0))).toString('latin1');
}

const readBack = (values: Float32Array): Float32Array => Float32Array.from(JSON.parse(`[${written(values)}]`));

/** The fewest digits that any decimal needs to read back as this FP32, by trying them all. */
function fewestDigits(value: number): number {
  for (let digits = 1; digits < 9; digits += 1)
    if (Math.fround(Number(value.toPrecision(digits))) === value) return digits;
  return 9;
}

const digitsIn = (text: string): number =>
  text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;

describe('what is written', () => {
  test.each<[what: string, value: number, text: string]>([
    ['zero', 0, '0'],
    ['the zero below zero', -0, '-0'],
    ['one', 1, '1'],
    ['a whole number', -42, '-42'],
    ['hundreds of millions', 123_456_784, '123456780'],
    ['just below the plain range', 9.999e-6, '9.999e-6'],
    ['at the lower end of the plain range', 1.00001e-5, '0.0000100001'],
    ['a tenth', 0.1, '0.1'],
    ['what needs nine digits', 0.300000042, '0.30000004'],
    ['halves', 0.5, '0.5'],
    ['at the upper end of the plain range', 1e9, '1e+9'],
    ['many digits before the point', -123_456_784e6, '-1.2345679e+14'],
    ['the largest', 3.4028234663852886e38, '3.4028235e+38'],
    ['the smallest', 1.401298464324817e-45, '1e-45'],
    ['two to the 24th, above which whole numbers have gaps', 16_777_216, '16777216'],
  ])('%s', (_what, value, text) => {
    expect(written([value])).toBe(text);
  });

  test('commas stand between', () => {
    expect(written([1, -2.5, 3])).toBe('1,-2.5,3');
    expect(written([])).toBe('');
  });

  test('writing starts where it is told', () => {
    const out = new Uint8Array(FLOAT_ROOM + 3).fill(0x20);
    expect(writeFloats(Float32Array.of(7), out, 2)).toBe(3);
    expect(Buffer.from(out).toString('latin1', 0, 3)).toBe('  7');
  });

  test('and ends there, whatever was written behind: the room is for all of it', () => {
    const floats = Float32Array.from({ length: 300 }, (_, at) => -Math.sin(at) / 10 ** (at % 7));
    const out = new Uint8Array(floats.length * FLOAT_ROOM);
    const end = writeFloats(floats, out, 0);
    expect(Float32Array.from(JSON.parse(`[${Buffer.from(out.subarray(0, end))}]`))).toEqual(floats);
  });
});

/** Any bit pattern of FP32 that is a number. */
const anyFloat = fc
  .integer({ min: 0, max: 0xffff_ffff })
  .map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0]!)
  .filter(Number.isFinite);

test('any FP32 reads back bit for bit', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyFloat, nearRound, decimal), { maxLength: 200 }), (values) => {
      const floats = Float32Array.from(values);
      expect(new Uint32Array(readBack(floats).buffer)).toEqual(new Uint32Array(floats.buffer));
    }),
    { numRuns: 300 },
  );
});

/** Where a digit more begins, and halves of tens: a few steps of FP32 to each side. */
const nearRound = fc
  .record({
    power: fc.integer({ min: -7, max: 10 }),
    times: fc.integer({ min: 1, max: 20 }),
    steps: fc.integer({ min: -12, max: 12 }),
  })
  .map(({ power, times, steps }) => {
    const word = new Uint32Array(Float32Array.of((times / 2) * 10 ** power).buffer)[0]!;
    return new Float32Array(Uint32Array.of(word + steps).buffer)[0]!;
  });

const decimal = fc
  .record({ whole: fc.integer({ min: 1, max: 1e8 }), behind: fc.nat(9) })
  .map(({ whole, behind }) => Math.fround(whole / 10 ** behind));

test('with seven digits at most, or the fewest there are', () => {
  const values = fc.oneof(anyFloat, fc.float({ min: -1000, max: 1000, noNaN: true }), nearRound, decimal);
  fc.assert(
    fc.property(values, (value) => {
      fc.pre(value !== 0);
      const [digits, fewest] = [digitsIn(written([value])), fewestDigits(value)];
      // Below seven the nearest decimal of seven digits may be another one that reads back too: 0.0009993199 for 0.00099932.
      if (fewest < 7) expect(digits).toBeLessThanOrEqual(7);
      else expect(digits).toBe(digitsIn(String(Number(Math.abs(value).toPrecision(fewest)))));
    }),
    { numRuns: 5000 },
  );
});

test('within the room it asks for', () => {
  fc.assert(
    fc.property(anyFloat, (value) => {
      expect(written([value]).length).toBeLessThan(FLOAT_ROOM);
    }),
    { numRuns: 3000 },
  );
});

test('NaN and the infinities become null, sign and all', () => {
  expect(written([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -2])).toBe('1,null,null,null,-2');
});
