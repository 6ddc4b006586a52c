import { expect, test } from 'vitest';
import { lossyArgs } from '../../../src/process/lossy-args.ts';

const BAD = Buffer.from([0x61, 0xff, 0x62]);
const cmdline = (...args: readonly (string | Buffer)[]) =>
  Buffer.concat(args.flatMap((arg) => [Buffer.from(arg), Buffer.from([0])]));

test('bytes that are not UTF-8 are refused, with their place and their hex', () => {
  expect(lossyArgs(['x', 'a\ufffdb'], cmdline('node', 'muster', 'x', BAD))).toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('argument 2 holds bytes that are not UTF-8 (hex 61ff62)'),
  });
});

test.each([
  { when: 'plain text', argv: ['a', 'ü'], raw: cmdline('node', 'm', 'a', 'ü') },
  { when: 'a U+FFFD the user wrote', argv: ['\ufffd'], raw: cmdline('node', 'm', '\ufffd') },
  { when: 'an unreadable /proc', argv: ['\ufffd'], raw: Buffer.alloc(0) },
  { when: 'a changed process title', argv: ['\ufffd'], raw: cmdline('muster: head', BAD, 'x') },
  { when: 'no argument', argv: [], raw: cmdline('node', 'm') },
])('$when passes', ({ argv, raw }) => expect(lossyArgs(argv, raw)).toBeUndefined());
