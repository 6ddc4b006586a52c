/** Docker's log frames to lines in one order. */

import { describe, expect, test } from 'vitest';
import { frameReader, inOrder, justAfter, MAX_LINE, parseLine } from '../../../src/local/log-lines.ts';
import fc from '../../property.ts';

const frame = (payload: string, stream = 1): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(payload), 4);
  return Buffer.concat([header, Buffer.from(payload)]);
};

describe('frames', () => {
  test.each([
    { payload: '2026-11-21T12:00:01.5Z words\n', at: '2026-11-21T12:00:01.500000000Z', text: 'words' },
    { payload: '2026-11-21T12:00:01Z \n', at: '2026-11-21T12:00:01.000000000Z', text: '' },
    { payload: '2026-11-21T12:00:01.123456789Z a\r\n', at: '2026-11-21T12:00:01.123456789Z', text: 'a' },
  ])('$payload', ({ payload, at, text }) => expect(parseLine(payload)).toEqual({ at, text }));

  test('what has no time is no line', () => expect(parseLine('words\n')).toBeUndefined());

  test('a line without end is cut', () => {
    expect(parseLine(`2026-11-21T12:00:01Z ${'x'.repeat(100_000)}`)?.text).toHaveLength(MAX_LINE);
  });

  test('however the bytes are cut, the lines are the same', () => {
    const texts = ['one', 'zwei ü', '', 'four'];
    const bytes = Buffer.concat(texts.map((text, at) => frame(`2026-11-21T12:00:0${at}Z ${text}\n`, (at % 2) + 1)));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const read = frameReader();
        const lines = at.slice(1).flatMap((end, index) => read(bytes.subarray(at[index], end)));
        expect(lines.map(({ text }) => text)).toEqual(texts);
      }),
    );
  });
});

test.each([
  ['2026-11-21T12:00:01.000000000Z', '1795262401.000000001'],
  ['2026-11-21T12:00:01.999999999Z', '1795262402.000000000'],
])('just after %s', (at, since) => expect(justAfter(at)).toBe(since));

describe('one order for all members', () => {
  async function* lines(...ats: string[]) {
    for (const at of ats) yield { at };
  }
  const merged = async (...sources: AsyncGenerator<{ at: string }>[]) => {
    const out: string[] = [];
    for await (const { at } of inOrder(sources)) out.push(at);
    return out;
  };

  test('earliest first, each source in its own order', async () => {
    expect(await merged(lines('b', 'd', 'a'), lines(), lines('a', 'c'))).toEqual(['a', 'b', 'c', 'd', 'a']);
    expect(await merged()).toEqual([]);
  });
});
