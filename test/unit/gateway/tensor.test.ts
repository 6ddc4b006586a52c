/** Numbers, text and booleans to raw bytes and back; raw bytes are what numpy and Triton have. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import { rawOfJson } from '../../../src/gateway/tensor/from-json.ts';
import { bytesElements, checkedShape, type Datatype, joinBytes, wrongRaw } from '../../../src/gateway/tensor/tensor.ts';
import { jsonOf, stringify, valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import fc from '../../property.ts';

const raw = (datatype: Datatype, data: unknown, shape?: readonly number[]): Uint8Array =>
  rawOfJson({ name: 'IN', datatype, shape: shape ?? [(data as unknown[]).length] }, data);
const tensor = (datatype: Datatype, data: Uint8Array, count: number) => ({
  name: 'OUT',
  datatype,
  shape: [count],
  data,
});
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).status).toBe(400);
    return (error as Failure).message;
  }
  throw new Error('was taken');
};

describe('JSON to raw', () => {
  test.each([
    { datatype: 'BOOL', data: [true, false, 1, 0], want: '01000100' },
    { datatype: 'UINT8', data: [0, 255], want: '00ff' },
    { datatype: 'INT8', data: [-128, 127], want: '807f' },
    { datatype: 'UINT16', data: [65_535], want: 'ffff' },
    { datatype: 'INT16', data: [-2], want: 'feff' },
    { datatype: 'UINT32', data: [4_294_967_295], want: 'ffffffff' },
    { datatype: 'INT32', data: [-2], want: 'feffffff' },
    { datatype: 'INT64', data: [-1, 2n ** 63n - 1n], want: 'ffffffffffffffffffffffffffffff7f' },
    { datatype: 'UINT64', data: [2n ** 64n - 1n], want: 'ffffffffffffffff' },
    { datatype: 'FP16', data: [1, -2, 65_504, 6e-8], want: '003c00c0ff7b0100' },
    { datatype: 'BF16', data: [1, -2, 3.140625], want: '803f00c04940' },
    { datatype: 'FP32', data: [1.5, -0], want: '0000c03f00000080' },
    { datatype: 'FP64', data: [1], want: '000000000000f03f' },
    { datatype: 'BYTES', data: ['ä', ''], want: '02000000c3a400000000' },
  ] as const)('$datatype', ({ datatype, data, want }) => {
    expect(hex(raw(datatype, data))).toBe(want);
  });

  test('FP32 agrees with Math.fround(Number(x)) for every finite number', () => {
    const finite = fc.double({ noNaN: true, min: -3.4e38, max: 3.4e38 });
    fc.assert(
      fc.property(fc.array(finite), (values) => {
        const bytes = raw('FP32', JSON.parse(JSON.stringify(values)));
        expect(Array.from(new Float32Array(bytes.buffer, bytes.byteOffset, values.length))).toEqual(
          values.map((each) => Math.fround(Number(JSON.stringify(each)))),
        );
      }),
    );
  });

  test('BF16 is the nearest upper half of a float32, ties to even', () => {
    const nearest = (value: number): number => {
      const bits = new Uint32Array(Float32Array.of(value).buffer)[0] as number;
      const [low, high] = [bits & 0xffff0000, (bits & 0xffff0000) + 0x10000].map(
        (each) => new Float32Array(Uint32Array.of(each).buffer)[0] as number,
      ) as [number, number];
      const [down, up] = [Math.abs(Math.fround(value) - low), Math.abs(high - Math.fround(value))];
      if (down !== up) return down < up ? low : high;
      return ((bits >>> 16) & 1) === 0 ? low : high;
    };
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e38), max: Math.fround(1e38) }),
        (value) => {
          expect(valuesOf(tensor('BF16', raw('BF16', [value]), 1))[0]).toBe(nearest(value));
        },
      ),
    );
  });

  test.each([
    {
      when: 'nested',
      data: [
        [1, 2],
        [3, 4],
      ],
      shape: [2, 2],
    },
    { when: 'flat', data: [1, 2, 3, 4], shape: [2, 2] },
    { when: 'nested otherwise than its shape, row-major all the same', data: [[1], [2], [3], [4]], shape: [2, 2] },
  ])('$when data is taken', ({ data, shape }) => {
    expect(hex(raw('UINT8', data, shape))).toBe('01020304');
  });

  test('an empty tensor has no bytes', () => {
    expect(raw('FP32', [], [0, 3])).toHaveLength(0);
    expect(raw('BYTES', [[], []], [2, 0])).toHaveLength(0);
  });

  test.each<{ when: string; datatype: Datatype; data: unknown; shape?: number[]; says: RegExp }>([
    {
      when: 'too few values',
      datatype: 'FP32',
      data: [1],
      shape: [2],
      says: /has 1 values, but its shape \[2\] takes 2/,
    },
    { when: 'too many values', datatype: 'FP32', data: [1, 2, 3], shape: [2], says: /takes 2/ },
    { when: 'no list', datatype: 'FP32', data: 1, shape: [1], says: /data must be a list/ },
    { when: 'a string among numbers', datatype: 'FP32', data: [1, 'x'], says: /"x" at place 1 is no FP32/ },
    { when: 'null', datatype: 'INT32', data: [null], says: /null at place 0 is no INT32/ },
    { when: 'an object', datatype: 'FP32', data: [{ a: 1 }], says: /is no FP32/ },
    { when: 'overflow of FP32', datatype: 'FP32', data: [1e39], says: /1e\+39 at place 0 is no FP32/ },
    { when: 'overflow of FP16', datatype: 'FP16', data: [65_520], says: /65520 at place 0 is no FP16/ },
    { when: 'overflow of BF16', datatype: 'BF16', data: [3.39617752923046e38], says: /is no BF16/ },
    { when: 'infinity by overflow of JSON itself', datatype: 'FP64', data: JSON.parse('[1e400]'), says: /is no FP64/ },
    { when: 'a fraction as an integer', datatype: 'INT32', data: [1.5], says: /1.5 at place 0 is no INT32/ },
    { when: '300 as UINT8', datatype: 'UINT8', data: [300], says: /300 at place 0 is no UINT8/ },
    { when: '2^63 as INT64', datatype: 'INT64', data: [2n ** 63n], says: /9223372036854775808 at place 0 is no INT64/ },
    { when: 'a number as BYTES', datatype: 'BYTES', data: [1], says: /1 is no BYTES/ },
    { when: '2 as BOOL', datatype: 'BOOL', data: [2], says: /2 is no BOOL/ },
  ])('$when is refused by name', ({ datatype, data, shape, says }) => {
    expect(refusal(() => raw(datatype, data, shape))).toMatch(says);
  });
});

describe('raw to JSON', () => {
  const numbers: readonly Datatype[] = [
    'INT8',
    'INT16',
    'INT32',
    'UINT8',
    'UINT16',
    'UINT32',
    'INT64',
    'UINT64',
    'FP16',
    'BF16',
    'FP32',
    'FP64',
  ];

  test.each(numbers)('%s goes round: every pattern of bits that is a finite number', (datatype) => {
    const size =
      { INT8: 1, UINT8: 1, INT16: 2, UINT16: 2, FP16: 2, BF16: 2, INT64: 8, UINT64: 8, FP64: 8 }[datatype as 'INT8'] ??
      4;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), fc.boolean(), (bits, odd) => {
        const bytes = odd ? Buffer.concat([Buffer.from([9]), bits]).subarray(1) : bits;
        const [value] = valuesOf(tensor(datatype, bytes, 1));
        if (value === null) return;
        expect(hex(raw(datatype, [value]))).toBe(hex(bits));
      }),
    );
  });

  test('what is written is JSON, whatever the bits', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numbers), fc.uint8Array({ minLength: 16, maxLength: 16 }), (datatype, bytes) => {
        // The sign of a zero has its own test: what this is compared with has no -0 (+ 0 takes it away).
        const rounded = (each: unknown) =>
          typeof each === 'number' ? (datatype === 'FP64' ? each : Math.fround(each)) + 0 : each;
        const text = jsonOf(tensor(datatype, bytes, 16));
        // FP32 may be written with fewer digits than its double has: it is the same FP32.
        expect(JSON.parse(text).map(rounded)).toEqual(
          JSON.parse(stringify(valuesOf(tensor(datatype, bytes, 16)))).map(rounded),
        );
      }),
    );
  });

  test.each(['FP64', 'FP32', 'FP16', 'BF16'] as const)('the zero below zero keeps its sign: %s', (datatype) => {
    expect(jsonOf(tensor(datatype, raw(datatype, [-0, 0]), 2))).toBe('[-0,0]');
  });

  test('NaN and both infinities are null', () => {
    const bytes = new Uint8Array(Float32Array.of(Number.NaN, Infinity, -Infinity, 1).buffer);
    expect(jsonOf(tensor('FP32', bytes, 4))).toBe('[null,null,null,1]');
  });

  test('64-bit integers keep every digit', () => {
    const bytes = raw('INT64', [9_007_199_254_740_993n, -1]);
    expect(jsonOf(tensor('INT64', bytes, 2))).toBe('[9007199254740993,-1]');
    expect(stringify({ a: valuesOf(tensor('INT64', bytes, 2)) })).toBe('{"a":[9007199254740993,-1]}');
  });

  test('BYTES are text, or refused when they are none', () => {
    expect(jsonOf(tensor('BYTES', raw('BYTES', ['ä"', '']), 2))).toBe('["ä\\"",""]');
    const bytes = joinBytes([Uint8Array.of(0xff)]);
    expect(() => jsonOf(tensor('BYTES', bytes, 1))).toThrow(/not UTF-8.*binary_data/);
  });
});

describe('a shape', () => {
  test('has at most 254 axes, for each is a level of nested JSON', () => {
    const axes = (count: number) => Array.from({ length: count }, () => 1);
    expect(checkedShape('IN', axes(254))).toHaveLength(254);
    expect(refusal(() => checkedShape('IN', axes(255)))).toBe('tensor "IN" has 255 axes: at most 254 are taken');
  });
});

describe('BYTES elements', () => {
  test('are counted without a view of each: a body of empty texts takes no memory beside it', () => {
    const [count, before] = [4 * 2 ** 20, process.memoryUsage().heapUsed];
    expect(wrongRaw(tensor('BYTES', new Uint8Array(4 * count), count))).toBeUndefined();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20);
  });

  test('are written without a buffer for each', () => {
    const [count, values] = [2 ** 20, Array<string>(2 ** 20).fill('ä')];
    const before = process.memoryUsage().heapUsed;
    expect(raw('BYTES', values, [count])).toHaveLength(6 * count);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(48 * 2 ** 20);
  }, 60_000);

  test('go round', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (elements) => {
        expect(bytesElements(joinBytes(elements))?.map(hex)).toEqual(elements.map(hex));
      }),
    );
  });

  test.each([
    { when: 'the length is cut', bytes: [1, 0], says: /cut short/ },
    { when: 'the element is cut', bytes: [2, 0, 0, 0, 65], says: /cut short/ },
    { when: 'there are more than the shape says', bytes: [0, 0, 0, 0, 0, 0, 0, 0], says: /holds 2 BYTES elements/ },
  ])('are refused when $when', ({ bytes, says }) => {
    expect(wrongRaw(tensor('BYTES', Uint8Array.from(bytes), 1))).toMatch(says);
  });
});
