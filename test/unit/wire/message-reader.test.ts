/** gRPC messages out of any chunks they may come in. */

import { describe, expect, test } from 'vitest';
import { frameHead } from '../../../src/wire/frame.ts';
import { MessageReader } from '../../../src/wire/message-reader.ts';
import fc from '../../property.ts';

const framed = (messages: readonly Uint8Array[]): Buffer =>
  Buffer.concat(messages.flatMap((each) => [frameHead(each.length), each]));

/** `bytes` cut after each of the given shares of it. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((share) => Math.floor(share * bytes.length)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, [...at, bytes.length][i]));
}

function readAll(reader: MessageReader, chunks: readonly Buffer[]): Uint8Array[] {
  return chunks.flatMap((chunk) => {
    const cut = reader.push(chunk);
    if ('error' in cut) throw new Error(cut.error);
    return [...cut];
  });
}

describe('MessageReader', () => {
  test('gives the messages whatever the chunks', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 });
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(messages, cuts, (given, where) => {
        const reader = new MessageReader(1_000);
        const read = readAll(reader, chunksOf(framed(given), where));
        expect(read.map((each) => Buffer.from(each).toString('hex'))).toEqual(
          given.map((each) => Buffer.from(each).toString('hex')),
        );
        expect(reader.atRest).toBe(true);
      }),
    );
  });

  test('a message larger than what is set aside at first comes whole', () => {
    const large = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251));
    const bytes = framed([large, Buffer.from('x')]);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const read = readAll(new MessageReader(10_000_000), chunks);
    expect(Buffer.compare(Buffer.from(read[0]!), large)).toBe(0);
    expect(String(Buffer.from(read[1]!))).toBe('x');
  });

  test('a message within one chunk is a view of it', () => {
    const chunk = framed([Buffer.from('abc')]);
    const [message] = readAll(new MessageReader(10), [chunk]);
    expect(message?.buffer).toBe(chunk.buffer);
  });

  test('is not at rest within a message, nor within its head', () => {
    for (const cut of [1, 5, 7]) {
      const reader = new MessageReader(10);
      readAll(reader, [framed([Buffer.from('abc')]).subarray(0, cut)]);
      expect(reader.atRest).toBe(false);
    }
  });

  test.each([
    {
      what: 'a message over the limit, by its head alone',
      bytes: frameHead(11),
      tooLarge: true,
      says: /11 bytes, over the limit of 10/,
    },
    { what: 'a compressed message', bytes: Buffer.from([1, 0, 0, 0, 1, 65]), tooLarge: false, says: /compressed/ },
  ])('refuses $what', ({ bytes, tooLarge, says }) => {
    expect(new MessageReader(10).push(bytes)).toEqual({ error: expect.stringMatching(says), tooLarge });
  });
});
