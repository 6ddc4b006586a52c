import { describe, expect, test } from 'vitest';
import { jsonLog, type Level, type Log, textLog } from '../../src/log.ts';
import { printable } from '../../src/printable.ts';

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];

function paper() {
  const lines: string[] = [];
  return {
    lines,
    options: { level: 'debug' as Level, now: () => 1234.5, write: (text: string) => void lines.push(text) },
  };
}

describe('printable', () => {
  test.each([
    ['plain ü 漢 🙂', 'plain ü 漢 🙂'],
    ['tab\tstays', 'tab\tstays'],
    ['a\nmuster +0.000s forged', 'a\\x0amuster +0.000s forged'],
    ['\r\0\x1b[31m', '\\x0d\\x00\\x1b[31m'],
    ['\x7f\x85\x9b', '\\x7f\\x85\\x9b'],
    ['', ''],
  ])('%j → %s', (text, want) => {
    expect(printable(text)).toBe(want);
  });
});

describe('text', () => {
  test.each([
    { what: 'words', say: (log: Log) => log.info('hello'), want: 'muster +1.234s hello\n' },
    {
      what: 'a speaker',
      say: (log: Log) => log.as('worker-1').info('hello'),
      want: 'muster +1.234s worker-1: hello\n',
    },
    { what: 'the last speaker', say: (log: Log) => log.as('a').as('b').info('x'), want: 'muster +1.234s b: x\n' },
    { what: 'a warning', say: (log: Log) => log.warn('careful'), want: 'muster +1.234s WARN careful\n' },
    { what: 'an error', say: (log: Log) => log.as('a').error('no'), want: 'muster +1.234s a: ERROR no\n' },
    {
      what: 'fields',
      say: (log: Log) => log.info('x', { n: 1, b: false, none: undefined }),
      want: 'muster +1.234s x n=1 b=false\n',
    },
    {
      what: 'a forged line',
      say: (log: Log) => log.info('x\ny', { k: 'a\nb' }),
      want: 'muster +1.234s x\\x0ay k=a\\x0ab\n',
    },
  ])('$what → $want', ({ say, want }) => {
    const { lines, options } = paper();
    say(textLog(options));
    expect(lines).toEqual([want.replace('1.234', (1234.5 / 1000).toFixed(3))]);
  });
});

describe('json', () => {
  test.each([
    { what: 'words', say: (log: Log) => log.info('hello'), want: { level: 30, msg: 'hello' } },
    { what: 'a warning', say: (log: Log) => log.warn('careful'), want: { level: 40, msg: 'careful' } },
    {
      what: 'fields',
      say: (log: Log) => log.error('x', { n: 1, none: undefined }),
      want: { level: 50, msg: 'x', n: 1 },
    },
    {
      what: 'a forged line',
      say: (log: Log) => log.info('x\n{"level":60}'),
      want: { level: 30, msg: 'x\n{"level":60}' },
    },
  ])('$what → $want', async ({ say, want }) => {
    const { lines, options } = paper();
    say(await jsonLog(options));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual({ ...want, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
  });

  test.each([
    { what: 'the first speaker', say: (log: Log) => log.info('x'), want: 'head' },
    { what: 'another', say: (log: Log) => log.as('worker-1').info('x'), want: 'worker-1' },
    { what: 'the last of several', say: (log: Log) => log.as('a').as('b').info('x'), want: 'b' },
  ])('$what is said once: a key twice is no JSON to some collectors', async ({ say, want }) => {
    const { lines, options } = paper();
    say(await jsonLog({ ...options, who: 'head' }));
    expect(JSON.parse(lines[0] ?? '').who).toBe(want);
    expect(lines[0]?.match(/"who"/g)).toHaveLength(1);
  });
});

describe.each([
  { format: 'text', open: async (options: Parameters<typeof textLog>[0]) => textLog(options) },
  { format: 'json', open: jsonLog },
])('level, $format', ({ open }) => {
  test.each(LEVELS.map((level, at) => ({ level, want: LEVELS.slice(at) })))(
    '$level → only $want',
    async ({ level, want }) => {
      const { lines, options } = paper();
      const log = await open({ ...options, level });
      for (const each of LEVELS) log.as('x')[each](`<${each}>`);
      expect(lines.map((line) => /<(\w+)>/.exec(line)?.[1])).toEqual(want);
    },
  );
});
