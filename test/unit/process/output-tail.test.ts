import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { MAX_LINE_BYTES, MAX_LINES, outputTail } from '../../../src/process/output-tail.ts';

async function tailOf(...chunks: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const heard: string[] = [];
  const tail = outputTail((line) => heard.push(line));
  const stream = new PassThrough();
  tail.follow(stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  await new Promise((resolve) => setImmediate(resolve)); // `close` comes after `end`
  expect(heard.slice(-MAX_LINES)).toEqual(tail.lines());
  return tail.lines();
}

test.each([
  { when: 'lines', chunks: ['a\nb\n'], want: ['a', 'b'] },
  { when: 'a last line without newline', chunks: ['a\nb'], want: ['a', 'b'] },
  { when: 'a line in pieces', chunks: ['a', 'b', 'c\n'], want: ['abc'] },
  { when: 'a character in pieces', chunks: [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])], want: ['ä'] },
  { when: 'CRLF, also in pieces', chunks: ['a\r\nb\r', '\nc'], want: ['a', 'b', 'c'] },
  { when: 'a progress bar', chunks: ['10 %\r20 %\r'], want: ['10 %', '20 %'] },
  { when: 'empty lines', chunks: ['\n\na\n\n'], want: ['a'] },
  { when: 'control characters', chunks: ['\x1b[31mred\x00\n'], want: ['\\x1b[31mred\\x00'] },
])('keeps $when', async ({ chunks, want }) => expect(await tailOf(...chunks)).toEqual(want));

test('keeps the last 40 lines only', async () => {
  const all = Array.from({ length: 100 }, (_, index) => `line ${index}`);
  expect(await tailOf(all.join('\n'))).toEqual(all.slice(-MAX_LINES));
});

test.each([
  { when: 'long', text: 'x'.repeat(10_000) },
  { when: 'long and in characters of three bytes', text: '日'.repeat(10_000) },
  { when: 'long only when escaped', text: '\x01'.repeat(1000) },
])('cuts a line that is $when to 2 KiB', async ({ text }) => {
  const [line = '', next] = await tailOf(text, '\nnext\n');
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
  expect(Buffer.byteLength(line)).toBeGreaterThan(MAX_LINE_BYTES - 8);
  expect(next).toBe('next');
});
