import { describe, expect, test } from 'vitest';
import { DOCUMENTS } from '../../../scripts/docs.ts';
import { CODES, type ErrorCode } from '../../../src/errors.ts';
import { type Board, newBoard } from '../../../src/launch/watch/board.ts';
import { type LastWords, lastWords, MAX_BYTES } from '../../../src/launch/watch/last-words.ts';
import { redactor, secretValues } from '../../../src/launch/watch/redact.ts';
import fc from '../../property.ts';
import { ending, SELF } from './fixture.ts';

const board: Board = { ...newBoard(SELF, 1000), generation: 2, phase: 'ready' };
const given = (how: Partial<LastWords> = {}): LastWords => ({
  ending: ending(),
  status: 79,
  mirrored: false,
  board,
  lines: [],
  secrets: [],
  now: 4200.4,
  ...how,
});
const said = (how: Partial<LastWords> = {}) => JSON.parse(lastWords(given(how)));

test('tells who, what, when, how far and what to do', () => {
  expect(said({ lines: ['one', 'two'] })).toEqual({
    v: 1,
    origin: 'launcher',
    code: 'GROUP_LOST',
    status: 79,
    retriable: true,
    phase: 'ready',
    generation: 2,
    member: 'worker-1',
    culprit: 'worker-2',
    elapsedMs: 3200,
    message: 'worker-2 stopped beating 3.1 s ago',
    hint: 'See the log of worker-2.',
    lastLines: ['one', 'two'],
  });
});

test.each([
  {
    when: 'our server exited',
    how: { ending: ending({ code: 'SERVER_EXITED', culprit: 'worker-1' }), status: 3 },
    origin: 'server',
  },
  {
    when: 'the server of another exited',
    how: { ending: ending({ code: 'SERVER_EXITED', culprit: 'head' }) },
    origin: 'launcher',
  },
  {
    when: 'our command is done',
    how: { ending: ending({ code: 'DONE', culprit: 'worker-1' }), status: 0 },
    origin: 'server',
  },
  {
    when: 'a stop is mirrored',
    how: { ending: ending({ code: 'STOPPED' }), status: 0, mirrored: true },
    origin: 'server',
  },
  {
    when: 'stopped before the server ran',
    how: { ending: ending({ code: 'STOPPED' }), status: 143 },
    origin: 'launcher',
  },
  {
    when: 'refused before there was a plan',
    how: { ending: ending({ code: 'USAGE', culprit: undefined }), status: 64, board: undefined },
    origin: 'launcher',
  },
] satisfies { when: string; how: Partial<LastWords>; origin: string }[])('$when: origin $origin', ({ how, origin }) => {
  expect(said(how).origin).toBe(origin);
});

test('retriable is what docs/exit-codes.md says', () => {
  const rows = DOCUMENTS['exit-codes.md']!().matchAll(/^\| [^|]+ \| `(\w+)` \|.*\| (no|yes|-) \|$/gm);
  const documented = Object.fromEntries([...rows].map(([, code, retry]) => [code, retry === 'yes']));
  const ours = Object.keys(CODES).map((code) => [
    code,
    said({ ending: ending({ code: code as ErrorCode }) }).retriable,
  ]);
  expect(Object.fromEntries(ours)).toEqual(documented);
});

describe('what does not fit', () => {
  const line = 'x'.repeat(500);

  test('the oldest lines go first', () => {
    const words = said({ lines: Array.from({ length: 40 }, (_, at) => `${at} ${line}`) });
    expect(words.lastLines.length).toBeGreaterThan(5);
    expect(words.lastLines.at(-1)).toMatch(/^39 /);
    expect(words.message).toBe('worker-2 stopped beating 3.1 s ago');
  });

  test('then the end of the message', () => {
    const words = said({ lines: [line], ending: ending({ message: `begin ${'é'.repeat(8000)}` }) });
    expect(words.lastLines).toEqual([]);
    expect(words.message).toMatch(/^begin é+…$/);
    expect(words.hint).toBe('See the log of worker-2.');
  });

  test('nothing is cut that fits', () => {
    const room = MAX_BYTES - Buffer.byteLength(lastWords(given({ ending: ending({ message: '' }) })));
    const exact = lastWords(given({ ending: ending({ message: 'm'.repeat(room) }) }));
    expect(Buffer.byteLength(exact)).toBe(MAX_BYTES);
    expect(JSON.parse(exact).message).toHaveLength(room);
  });
});

const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength }),
    fc
      .tuple(fc.constantFrom('x', '😀', '"', '\\', '\n', '\u0000', '\u009b', '\ud800', 'é'), fc.nat(maxLength))
      .map(([piece, count]) => piece.repeat(count)),
  );
const secret = fc
  .string({ unit: 'binary', minLength: 10, maxLength: 40 })
  .map((each) => `§${each.replaceAll('*', '+')}`);

test('whatever is said: at most 4,095 bytes of valid UTF-8 and JSON on one line, without a secret', () => {
  const anything = fc.record({
    message: text(9000),
    hint: text(9000),
    member: text(400),
    culprit: fc.option(text(400), { nil: undefined }),
    lines: fc.array(text(3000), { maxLength: 40 }),
    secrets: fc.array(secret, { maxLength: 4 }),
    code: fc.constantFrom(...(Object.keys(CODES) as ErrorCode[])),
  });
  fc.assert(
    fc.property(anything, fc.nat(), ({ message, hint, member, culprit, lines, secrets, code }, at) => {
      const hidden = secrets[at % Math.max(1, secrets.length)] ?? '';
      const words = lastWords(
        given({
          ending: ending({ code, message: `${hidden}${message}`, hint: `${hint}${JSON.stringify(hidden)}`, culprit }),
          board: { ...board, member },
          lines: [...lines, `token ${hidden} ${encodeURIComponent(hidden.toWellFormed())}`],
          secrets,
        }),
      );
      const bytes = Buffer.from(words);
      expect(bytes.length).toBeLessThanOrEqual(MAX_BYTES);
      expect(words.isWellFormed()).toBe(true);
      expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toBe(words);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
      expect(words).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      const parsed = JSON.parse(words);
      expect(parsed.code).toBe(code);
      const told = [words, parsed.message, parsed.hint, ...parsed.lastLines].join('\n');
      for (const each of secrets) expect(told.includes(each)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

describe('secrets', () => {
  test('are the token, and what stands under a secret’s name', () => {
    const env = {
      HF_TOKEN: 'hf_abcdefgh',
      TOKENIZER: 'tokenizer-of-mine',
      SHORT_TOKEN: '1',
      DB_PASSWORD: ' pa ss wo \n',
      PATH: '/usr/bin',
    };
    expect(secretValues(env, 'correct horse')).toEqual(['hf_abcdefgh', ' pa ss wo \n', 'pa ss wo', 'correct horse']);
  });

  test.each([
    { text: 'auth failed for correct horse', want: 'auth failed for ***' },
    { text: 'GET /?t=correct%20horse&x=1', want: 'GET /?t=***&x=1' },
    { text: 'cannot parse --api-key=abc', want: 'cannot parse --api-key=***' },
    { text: 'nothing here', want: 'nothing here' },
  ])('$text → $want', ({ text: given, want }) => {
    expect(redactor(['correct horse'])(given)).toBe(want);
  });

  test('the longest goes first, so that no rest of it stays', () => {
    expect(redactor(['abcdef', 'abcdefghij'])('abcdefghij')).toBe('***');
  });
});
