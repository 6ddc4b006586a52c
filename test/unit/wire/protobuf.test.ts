import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { bytesField, decodeMessage, type Message, ProtobufError, stringField } from '../../../src/wire/protobuf.ts';
import fc from '../../property.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Inner { string words = 1; Inner deeper = 2; }
  message All { int32 i = 1; int64 big = 2; bool b = 3; double d = 4; string s = 5; bytes raw = 6; Inner in = 7;
    repeated Inner many = 8; map<string, double> map = 9; fixed32 skipped = 10; uint64 u = 300; float f = 11; }`);
const All = root.lookupType('All');
const encode = (value: Record<string, unknown>): Uint8Array => All.encode(All.fromObject(value)).finish();

/** Touches everything a reader may ask for, as deep as it goes. */
function readAll(message: Message): void {
  for (let field = 1; field < 32; field += 1) {
    message.string(field);
    message.int(field);
    message.bool(field);
    message.double(field);
    try {
      message.messages(field).forEach(readAll);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
    }
  }
}

describe('decodeMessage', () => {
  test('reads what protobufjs wrote', () => {
    fc.assert(
      fc.property(
        fc.record({
          i: fc.integer(),
          b: fc.boolean(),
          d: fc.double({ noNaN: true }),
          s: fc.string({ unit: 'grapheme' }),
        }),
        fc.uint8Array(),
        fc.array(fc.string({ unit: 'grapheme' })),
        (scalars, raw, many) => {
          const read = decodeMessage(
            encode({ ...scalars, raw, many: many.map((words) => ({ words })), skipped: 7, f: 1 }),
          );
          expect({ i: read.int(1), b: read.bool(3), d: read.double(4), s: read.string(5) }).toEqual(scalars);
          expect([...read.bytes(6)]).toEqual([...raw]);
          expect(read.messages(8).map((each) => each.string(1))).toEqual(many);
        },
      ),
    );
  });

  test('reads a map as entries, a field number over 15, and a nested message', () => {
    const read = decodeMessage(encode({ map: { CPU: 2, GPU: 0.5 }, u: 5, in: { words: 'a', deeper: { words: 'b' } } }));
    expect(Object.fromEntries(read.messages(9).map((entry) => [entry.string(1), entry.double(2)]))).toEqual({
      CPU: 2,
      GPU: 0.5,
    });
    expect(read.int(300)).toBe(5);
    expect(read.message(7)?.message(2)?.string(1)).toBe('b');
  });

  test('gives the defaults for what is absent', () => {
    const read = decodeMessage(new Uint8Array(0));
    expect([read.string(1), read.int(1), read.bool(1), read.double(1), read.message(1), read.messages(1)]).toEqual([
      '',
      0,
      false,
      0,
      undefined,
      [],
    ]);
  });

  test('takes a field of another wire type for unknown', () => {
    expect(decodeMessage(encode({ i: 7 })).string(1)).toBe('');
  });

  test('skips a group', () => {
    const bytes = Uint8Array.of(0x0b, 0x10, 0x01, 0x0c, 0x18, 0x01); // group 1 { 2: 1 } then 3: 1
    expect(decodeMessage(bytes).int(3)).toBe(1);
    expect(decodeMessage(bytes).int(2)).toBe(0);
  });

  test.each([
    { when: 'a tag is cut', bytes: [0x80] },
    { when: 'a number is cut', bytes: [0x08, 0xff] },
    { when: 'a string is cut', bytes: [0x0a, 0x05, 0x61] },
    { when: 'a double is cut', bytes: [0x09, 0, 0, 0] },
    { when: 'a length is larger than memory', bytes: [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f] },
    { when: 'a number has 11 bytes', bytes: [0x08, ...Array<number>(10).fill(0xff), 0x01] },
    { when: 'field number 0', bytes: [0x00, 0x01] },
    { when: 'wire type 6', bytes: [0x0e] },
    { when: 'wire type 7', bytes: [0x0f] },
    { when: 'a group is not closed', bytes: [0x0b] },
    { when: 'a group was not opened', bytes: [0x0c] },
  ])('throws ProtobufError when $when', ({ bytes }) => {
    expect(() => decodeMessage(Uint8Array.from(bytes))).toThrow(ProtobufError);
  });

  test('throws when nested deeper than 16', () => {
    const nest = (depth: number): Uint8Array => (depth === 0 ? new Uint8Array(0) : bytesField(1, nest(depth - 1)));
    let message: Message | undefined = decodeMessage(nest(20));
    expect(() => {
      while (message) message = message.message(1);
    }).toThrow(/nested more than 16/);
  });

  test('random bytes end in a message or a ProtobufError, never otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          readAll(decodeMessage(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('a real message with flipped bytes ends in a message or a ProtobufError', () => {
    const good = encode({ i: 1, s: 'some words', map: { CPU: 1 }, many: [{ words: 'x', deeper: { words: 'y' } }] });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (flips) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of flips) bytes[at] = value;
        try {
          readAll(decodeMessage(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the writer', () => {
  test.each([{ words: '' }, { words: 'm' }, { words: 'ü'.repeat(100) }, { words: 'x'.repeat(70_000) }])(
    'writes strings as protobufjs does ($words.length characters)',
    ({ words }) => {
      const Inner = root.lookupType('Inner');
      expect([...stringField(1, words)]).toEqual([...Inner.encode(words === '' ? {} : { words }).finish()]);
      const nested = Inner.encode({ words: '', deeper: { words } }).finish();
      expect(
        decodeMessage(bytesField(2, stringField(1, words)))
          .message(2)
          ?.string(1),
      ).toBe(words);
      expect(decodeMessage(nested).message(2)?.string(1)).toBe(words);
    },
  );

  test('refuses a field number that needs two tag bytes', () => {
    expect(() => bytesField(16, new Uint8Array(0))).toThrow(RangeError);
  });
});
