import { describe, expect, test } from 'vitest';
import { MAX_STRING_BYTES, noRoom, roomBytes } from '../../../src/process/argument-room.ts';

const room = (soft: string) =>
  roomBytes(`Limit  Soft\nMax stack size             ${soft}              unlimited  bytes\n`);
const LIMITS = 'Max stack size             8388608              unlimited            bytes \n';

describe('roomBytes', () => {
  test.each([
    ['8388608', 2 * 1024 ** 2],
    ['unlimited', 6 * 1024 ** 2],
    ['1073741824', 6 * 1024 ** 2],
    ['65536', 128 * 1024],
  ])('a stack of %s leaves %i', (soft, want) => expect(room(soft)).toBe(want));

  test('unreadable limits leave 2 MiB', () => expect(roomBytes('')).toBe(2 * 1024 ** 2));
});

describe('noRoom', () => {
  const longest = 'x'.repeat(MAX_STRING_BYTES - 1);
  const fits = (arg: string, env = {}) => noRoom({ argv: ['p', arg], env }, LIMITS);

  test('the longest argument fits', () => expect(fits(longest)).toBeUndefined());
  test('the longest variable fits', () => expect(fits('', { A: longest.slice(2) })).toBeUndefined());
  test.each([
    { when: 'one byte more', arg: `${longest}x`, message: 'argument 1 of p is 131072 bytes long; Linux takes 131071' },
    { when: 'bytes, not characters', arg: 'ä'.repeat(65_536), message: 'argument 1 of p is 131072 bytes long' },
  ])('$when is too long', ({ arg, message }) =>
    expect(fits(arg)).toMatchObject({ code: 'ARGS_TOO_LONG', message: expect.stringContaining(message) }),
  );

  test('a long variable is told by name, never by value', () => {
    const refusal = fits('', { HF_TOKEN: `secret${longest}` });
    expect(refusal).toMatchObject({ code: 'ARGS_TOO_LONG', message: expect.stringContaining('HF_TOKEN') });
    expect(JSON.stringify(refusal)).not.toContain('secret');
  });

  test('many short arguments are too long together', () => {
    const many = noRoom({ argv: ['p', ...Array.from({ length: 200_000 }, () => 'x'.repeat(8))], env: {} }, LIMITS);
    expect(many).toMatchObject({ code: 'ARGS_TOO_LONG', message: expect.stringContaining('may pass 2097152') });
  });

  test.each([
    { when: 'a NUL', arg: 'a\0b', env: {} },
    { when: 'half a surrogate pair', arg: '\ud800', env: {} },
    { when: 'a NUL in a variable', arg: '', env: { A: '\0' } },
    { when: 'a variable without a name', arg: '', env: { '': 'x' } },
    { when: 'a variable with = in its name', arg: '', env: { 'A=B': 'x' } },
  ])('$when cannot be passed', ({ arg, env }) => expect(fits(arg, env)).toMatchObject({ code: 'NOT_EXECUTABLE' }));
});
