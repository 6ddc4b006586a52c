/** TensorProto: every datatype both ways, every form in which values come, and what is refused. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import { joinBytes, type Tensor } from '../../../../src/gateway/tensor/tensor.ts';
import { readTensor, writeTensor } from '../../../../src/gateway/tfs/tensor-proto.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';
import fc from '../../../property.ts';
import { official, PAIRS, plain, tensor } from './official.ts';

const MAX = 1_000_000;
const TensorProto = official('TensorProto');
const dims = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });
const read = (message: object): Tensor => readTensor('x', TensorProto.serialize(message), MAX);
const hex = ({ data }: Tensor): string => Buffer.from(data).toString('hex');
const refusal = (work: () => unknown): Failure => {
  try {
    work();
  } catch (error) {
    return error as Failure;
  }
  throw new Error('it was taken');
};

describe('what is written', () => {
  test('is read back as it was', () => {
    fc.assert(
      fc.property(tensor, (given) => {
        expect(plain(readTensor(given.name, Buffer.concat(writeTensor(given)), MAX))).toEqual(plain(given));
      }),
    );
  });

  test('is what proto-loader reads: raw bytes always, but texts as a list', () => {
    fc.assert(
      fc.property(tensor, (given) => {
        const message = TensorProto.deserialize(Buffer.concat(writeTensor(given)));
        expect(message.dtype).toBe(new Map<string, string>(PAIRS).get(given.datatype));
        expect(message.tensor_shape).toMatchObject(dims(...given.shape));
        if (given.datatype === 'BYTES')
          expect(joinBytes(message.string_val as Buffer[])).toEqual(Buffer.from(given.data));
        else expect(message.tensor_content).toEqual(Buffer.from(given.data));
      }),
    );
  });

  test('passes a large tensor on as the very bytes it was given', () => {
    const data = new Uint8Array(100_000);
    const parts = writeTensor({ name: 'x', datatype: 'UINT8', shape: [100_000], data });
    expect(parts.some((part) => part === data)).toBe(true);
  });
});

describe('values in the list of their type', () => {
  test.each([
    { of: 'empty texts', dtype: 7, one: [0x42, 0] },
    { of: 'floats one at a time', dtype: 1, one: [0x2d, 0, 0, 0, 0] },
    { of: 'empty texts as raw bytes', dtype: 7, head: [0x22, 0x80, 0x80, 0x40], one: [0] },
  ])(
    'are read without keeping a view of each: $of',
    ({ dtype, head = [], one }) => {
      const shape = [0x12, 6, 0x12, 4, 8, 0x80, 0x80, 0x40]; // [2^20]
      const message = Buffer.concat([
        Buffer.of(8, dtype, ...shape, ...head),
        Buffer.alloc(2 ** 20 * one.length, Buffer.from(one)),
      ]);
      const before = process.memoryUsage().heapUsed;
      expect(readTensor('x', message, 0).data).toHaveLength(4 * 2 ** 20);
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20);
    },
    60_000,
  );

  test.each([
    { dtype: 'DT_FLOAT', list: { float_val: [1.5, -2] }, want: '0000c03f000000c0' },
    { dtype: 'DT_DOUBLE', list: { double_val: [1, 2] }, want: '000000000000f03f0000000000000040' },
    { dtype: 'DT_INT32', list: { int_val: [-1, 2] }, want: 'ffffffff02000000' },
    { dtype: 'DT_INT16', list: { int_val: [-1, 2] }, want: 'ffff0200' },
    { dtype: 'DT_INT8', list: { int_val: [-1, 2] }, want: 'ff02' },
    { dtype: 'DT_UINT8', list: { int_val: [255, 2] }, want: 'ff02' },
    { dtype: 'DT_UINT16', list: { int_val: [65_535, 2] }, want: 'ffff0200' },
    { dtype: 'DT_UINT32', list: { uint32_val: [4_294_967_295, 2] }, want: 'ffffffff02000000' },
    { dtype: 'DT_INT64', list: { int64_val: ['-2', '9223372036854775807'] }, want: 'feffffffffffffffffffffffffffff7f' },
    {
      dtype: 'DT_UINT64',
      list: { uint64_val: ['1', '18446744073709551615'] },
      want: '0100000000000000ffffffffffffffff',
    },
    { dtype: 'DT_BOOL', list: { bool_val: [true, false] }, want: '0100' },
    { dtype: 'DT_HALF', list: { half_val: [0x3c00, 0xfe01] }, want: '003c01fe' },
    { dtype: 'DT_BFLOAT16', list: { half_val: [0x3f80, 0x7fc1] }, want: '803fc17f' },
    {
      dtype: 'DT_STRING',
      list: { string_val: [Buffer.from('ff00', 'hex'), Buffer.from('')] },
      want: '02000000ff0000000000',
    },
  ])('of $dtype are its raw bytes', ({ dtype, list, want }) => {
    expect(hex(read({ dtype, tensor_shape: dims(2), ...list }))).toBe(want);
  });

  test('that are not packed are the same', () => {
    const one = (bits: number) => Buffer.from([0x2d, bits & 255, bits >> 8, 0, 0]); // field 5, four bytes
    const shape = TensorProto.serialize({ dtype: 'DT_FLOAT', tensor_shape: dims(2) });
    expect(hex(readTensor('x', Buffer.concat([shape, one(1), one(2)]), MAX))).toBe('0100000002000000');
  });

  test.each([
    { what: 'one value', dtype: 'DT_INT8', list: { int_val: [7] }, want: '07070707' },
    { what: 'the first ones, then the last', dtype: 'DT_INT8', list: { int_val: [1, 2] }, want: '01020202' },
    { what: 'one half', dtype: 'DT_HALF', list: { half_val: [0x3c00] }, want: '003c003c003c003c' },
    { what: 'no value: zeros', dtype: 'DT_INT16', list: {}, want: '0000000000000000' },
    { what: 'one text', dtype: 'DT_STRING', list: { string_val: [Buffer.from('a')] }, want: '0100000061'.repeat(4) },
    { what: 'no text: empty ones', dtype: 'DT_STRING', list: {}, want: '00000000'.repeat(4) },
  ])('that are fewer than the shape: $what', ({ dtype, list, want }) => {
    expect(hex(read({ dtype, tensor_shape: dims(2, 2), ...list }))).toBe(want);
  });

  test('of a scalar and of nothing', () => {
    const shapes = (message: object) => [read(message).shape, hex(read(message))];
    expect(shapes({ dtype: 'DT_INT8', tensor_shape: {}, int_val: [7] })).toEqual([[], '07']);
    expect(shapes({ dtype: 'DT_FLOAT', tensor_shape: dims(0, 3) })).toEqual([[0, 3], '']);
    expect(shapes({ dtype: 'DT_STRING', tensor_shape: dims(0) })).toEqual([[0], '']);
  });
});

describe('tensor_content', () => {
  test('of texts is their lengths, then all of them', () => {
    const long = Buffer.alloc(200, 'x');
    const content = Buffer.concat([Buffer.of(1, 0, 0xc8, 0x01), Buffer.from('a'), long]);
    const { data } = read({ dtype: 'DT_STRING', tensor_shape: dims(3), tensor_content: content });
    expect(data).toEqual(joinBytes([Buffer.from('a'), Buffer.from(''), long]));
  });

  test('counts before a list', () => {
    const both = { dtype: 'DT_INT8', tensor_shape: dims(1), tensor_content: Buffer.of(1), int_val: [2] };
    expect(hex(read(both))).toBe('01');
  });
});

describe('what is refused', () => {
  const int8 = (rest: object) => ({ dtype: 'DT_INT8', tensor_shape: dims(2), ...rest });
  const texts = (content: string) => ({
    dtype: 'DT_STRING',
    tensor_shape: dims(2),
    tensor_content: Buffer.from(content, 'hex'),
  });

  test.each([
    {
      what: 'too few bytes',
      message: int8({ tensor_content: Buffer.of(1) }),
      says: /has 1 bytes, but INT8 of shape \[2\] takes 2/,
    },
    { what: 'more values than the shape', message: int8({ int_val: [1, 2, 3] }), says: /has 3 bytes/ },
    { what: 'a size below zero', message: int8({ tensor_shape: dims(-1) }), says: /-1 in its shape/ },
    {
      what: 'more axes than TensorFlow has',
      message: int8({ tensor_shape: dims(...Array<number>(255).fill(1)), int_val: [1] }),
      says: /has 255 axes; there are 254 at most/,
    },
    { what: 'an unknown rank', message: int8({ tensor_shape: { unknown_rank: true } }), says: /rank is unknown/ },
    { what: 'texts without all their lengths', message: texts('01'), says: /cut short/ },
    { what: 'texts cut short', message: texts('0101' + '61'), says: /has 3 bytes, but its texts take 4/ },
    {
      what: 'one value for more than fits',
      message: int8({ tensor_shape: dims(1_000, 1_001), int_val: [1] }),
      says: /more than 1000000 bytes/,
    },
    {
      what: 'one text for more than fits',
      message: { ...texts(''), tensor_shape: dims(1_000, 1_001) },
      says: /more than 1000000 bytes/,
    },
    {
      what: 'more than can be counted',
      message: int8({ tensor_shape: dims(2 ** 52, 2 ** 52) }),
      says: /can be counted/,
    },
  ])('$what', ({ message, says }) => {
    expect(refusal(() => read(message))).toMatchObject({ status: 400, message: expect.stringMatching(says) });
  });

  test.each([
    { dtype: 'DT_COMPLEX64', no: 8 },
    { dtype: 'DT_QUINT8', no: 12 },
    { dtype: 'DT_RESOURCE', no: 20 },
    { dtype: 'DT_VARIANT', no: 21 },
    { dtype: 'DT_FLOAT8_E4M3FN', no: 25 },
    { dtype: 'DT_INT4', no: 29 },
    { dtype: 'DT_101', no: 101 },
    { dtype: 'DT_INVALID', no: 0 },
  ])('$dtype has no counterpart: 501', ({ dtype, no }) => {
    const failure = refusal(() => readTensor('z', Buffer.of(8, no), MAX));
    expect(failure).toMatchObject({ status: 501, message: expect.stringContaining(`"z" is ${dtype}`) });
  });

  test('random bytes, by a Failure or a WireError, if they are not taken', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          readTensor('x', bytes, MAX);
        } catch (error) {
          expect(error instanceof Failure || error instanceof WireError, String(error)).toBe(true);
        }
      }),
    );
  });
});
