/** What the user typed behind the first `--` is what the server's argv holds, byte for byte, on every way there is. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import fc from '../../property.ts';
import { inParallel } from '../process/programs.ts';
import { argumentList, everyNastyArgument, inHex, printedArguments } from '../support/argument-lists.ts';
import { aMeeting, RUNTIMES, type Stage, test } from '../support/stage.ts';

const PRINT_ARGS = join(RUNTIMES, '../print-args');
/** Six command lines at once: two cores have something to do, and a failure still shrinks to one argument. */
const batch = fc.array(argumentList, { minLength: 6, maxLength: 6 });

const run = (takeover: string) => (args: readonly string[]) => [
  'run',
  `--takeover=${takeover}`,
  '--',
  PRINT_ARGS,
  ...args,
];
const launch = (takeover: string) => (args: readonly string[]) =>
  ['launch', 'print-args', `--runtimes=${RUNTIMES}`, `--takeover=${takeover}`, '--', ...args]; // biome-ignore format: as typed

describe('one member', () => {
  test.for([
    { typed: 'run', takeover: 'exec', argv: run('exec'), status: 0 },
    { typed: 'run', takeover: 'supervise', argv: run('supervise'), status: 0 },
    { typed: 'launch', takeover: 'exec', argv: launch('exec'), status: 0 },
    { typed: 'launch', takeover: 'supervise', argv: launch('supervise'), status: 81 }, // it ends, as no server should
  ])(
    'muster $typed, takeover $takeover: every argument arrives as it was typed (fault 2)',
    async ({ argv, status }, { stage }) => {
      const directory = stage.directory();
      const arrives = async (args: readonly string[]) => {
        const PRINT_TO = join(directory, randomUUID());
        const ended = await stage.run(argv(args), { env: { PRINT_TO } });
        expect(ended).toMatchObject({ status });
        expect(printedArguments(PRINT_TO)).toEqual(inHex(args));
      };
      await arrives(everyNastyArgument);
      const property = fc.asyncProperty(batch, (lists) => inParallel(lists, 3, arrives).then(() => undefined));
      await fc.assert(property, { numRuns: 8 }); // 48 command lines
    },
  );

  test('a second -- belongs to the server, a first one is not needed without args', async ({ stage }) => {
    const ended = await stage.run(['run', '--takeover=exec', '--', 'printf', '[%s]', '--', 'a', '--', '']);
    expect(ended.stdout.toString()).toBe('[--][a][--][]');
    const PRINT_TO = join(stage.directory(), 'args');
    await stage.run(['launch', 'print-args', `--runtimes=${RUNTIMES}`], { env: { PRINT_TO } });
    expect(printedArguments(PRINT_TO)).toEqual([]);
  });
});

describe('a native group of two', () => {
  /** The head is given the args, the worker none: it gets the head's over the rally. */
  async function meet(stage: Stage, args: readonly string[]): Promise<(readonly string[])[]> {
    const directory = stage.directory();
    const files = ['head', 'worker'].map((name) => join(directory, name));
    const meeting = await aMeeting();
    const common = { command: ['launch', 'print-args-and-stay'], members: 2, meeting, options: ['--no-smoke'] };
    const head = stage.member(0, { ...common, serverArgs: args, env: { PRINT_TO: files[0]! } });
    const worker = stage.member(1, { ...common, env: { PRINT_TO: files[1]! } });
    await Promise.all([head.said(/starting print-args/), worker.said(/starting print-args/)]);
    await expect.poll(() => files.every((file) => existsSync(file)), { timeout: 20_000, interval: 10 }).toBe(true);
    head.kill('SIGTERM');
    await Promise.all([head.ended(), worker.ended()]);
    return files.map(printedArguments);
  }

  test('the worker that was given no args has the head’s, as they were typed there', async ({ stage }) => {
    expect(await meet(stage, everyNastyArgument)).toEqual([inHex(everyNastyArgument), inHex(everyNastyArgument)]);
    const property = fc.asyncProperty(argumentList, async (args) => {
      expect(await meet(stage, args)).toEqual([inHex(args), inHex(args)]);
    });
    await fc.assert(property, { numRuns: 8 });
  });
});
