import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../../../src/process/spawn.ts';
import fc from '../../property.ts';
import { fixture, inParallel, inTime, PATH, runToEnd, runWith, temporaryDirectory } from './programs.ts';

const NASTY = [
  '', ' ', '  a  b ', '--', '-', '-n', '--x=$(id)', '$(id)', '`id`', '*', '?', '[a-z]*', '~', '$HOME', '$' + '{HOME}', '!!',
  '"', "'", '\\', '\\n', '\n', '\r\n', '\t', '\u0001\u001b[0m', 'a=b', 'A=B c', '#', ';', '&&', '|', '<>', '%s%n',
  '\ufffd', '\ufeff', '😀', 'é', 'e\u0301', '\u{10ffff}', '\u2028', '{"a":"b c"}', '1.0', '1e5', '0x10',
]; // biome-ignore format: a table

const text = fc.string({ unit: 'binary', size: 'medium' }).map((each) => each.replaceAll('\0', ''));
const long = fc
  .tuple(fc.constantFrom(...NASTY, 'x'), fc.integer({ min: 1, max: 100_000 }))
  .map(([piece, bytes]) => piece.repeat(Math.floor(bytes / Math.max(1, Buffer.byteLength(piece)))));
const arg = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 5, arbitrary: text },
  { weight: 1, arbitrary: long },
);
/** Eight command lines at once: two cores have something to do, and a failure still shrinks to one argument. */
const batch = fc.array(fc.array(arg, { maxLength: 12 }), { minLength: 8, maxLength: 8 });

/** What the kernel held as the arguments of print-args, behind `/bin/sh` and the script. */
const printed = (file: string): readonly Buffer[] => {
  const bytes = readFileSync(file);
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length; from = bytes.indexOf(0, from) + 1) {
    parts.push(bytes.subarray(from, bytes.indexOf(0, from)));
  }
  return parts.slice(2);
};

test.each([
  {
    by: 'spawn',
    launch: async (argv: readonly [string, ...string[]], env: Record<string, string>) => {
      const child = await start({ argv, env }, { stdio: 'capture', runId: randomUUID() });
      return inTime(child.exited, 'print-args');
    },
  },
  {
    by: 'replace',
    launch: async (argv: readonly [string, ...string[]], env: Record<string, string>) =>
      (await runWith('replace-runner.ts', { command: { argv, env } })).status,
  },
])('any argument arrives byte for byte by $by (fault 2)', async ({ launch }) => {
  const directory = temporaryDirectory();
  const property = fc.asyncProperty(batch, (lists) =>
    inParallel(lists, 4, async (args) => {
      const PRINT_TO = join(directory, randomUUID());
      expect(await launch([fixture('print-args'), ...args], { PATH, PRINT_TO })).toBe(0);
      expect(printed(PRINT_TO).map((each) => each.toString('hex'))).toEqual(
        args.map((each) => Buffer.from(each).toString('hex')),
      );
    }).then(() => undefined),
  );
  await fc.assert(property, { numRuns: 15 }); // 120 command lines
});

test.each([
  { by: 'spawn', runner: 'start-runner.ts' },
  { by: 'replace', runner: 'replace-runner.ts' },
])('the environment is exactly the one given by $by, but for the run id', async ({ runner }) => {
  const env = { ODD: ' a=b\n$(id)\ufffd😀', EMPTY: '' };
  const { stdout } = await runWith(runner, { command: { argv: ['/usr/bin/env', '-0'], env } });
  const lines = stdout
    .toString()
    .split('\0')
    .filter((line) => line !== '' && !line.startsWith('MUSTER_RUN_ID='));
  expect(lines.sort()).toEqual(['EMPTY=', `ODD=${env.ODD}`]);
});

test('a started program keeps its argv[0] as written', async () => {
  const { stdout } = await runWith('start-runner.ts', {
    command: { argv: ['cat', '/proc/self/cmdline'], env: { PATH } },
  });
  expect(stdout.toString()).toBe('cat\0/proc/self/cmdline\0');
});

test('a replacing program gets its path as argv[0]', async () => {
  const { stdout } = await runWith('replace-runner.ts', {
    command: { argv: ['cat', '/proc/self/cmdline'], env: { PATH } },
  });
  expect(stdout.toString()).toBe('/usr/bin/cat\0/proc/self/cmdline\0');
});

test('arguments that Node has damaged are noticed', async () => {
  const { stdout } = await runToEnd([
    fixture('with-odd-bytes'),
    process.execPath,
    fixture('print-lossy-args.ts'),
    '\ufffd',
  ]);
  expect(JSON.parse(stdout.toString())).toMatchObject({
    code: 'USAGE',
    message: 'argument 2 holds bytes that are not UTF-8 (hex 61ff62)',
  });
});
