import { expect, test } from 'vitest';
import { maskArgs } from '../../../src/launch/args/secrets.ts';
import { quoted } from '../../../src/launch/plan/describe.ts';
import { previewCommands } from '../../../src/launch/preview.ts';
import { COMMANDS, type Line } from './commands.ts';
import { planOf, SHIPPED } from './fixture.ts';

/** The words of a line as a shell splits them; only single quotes are known here. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, inQuotes, bare]) => inQuotes ?? bare ?? '');

function runs({ env, typed, facts = {} }: Line): string[] {
  const [command, ...rest] = words(typed);
  const runtime = command === 'run' ? 'run' : (rest.shift() ?? '');
  const plan = planOf({ runtime, argv: rest, env, facts });
  return previewCommands(plan, env).map(({ argv }) => maskArgs(argv).map(quoted).join(' '));
}

test.each(COMMANDS)('$who: muster $typed', (line) => {
  expect(runs(line)).toEqual(line.runs);
});

test('every runtime that ships has a line', () => {
  const shown = new Set(COMMANDS.map(({ typed }) => words(typed)[1]));
  expect([...SHIPPED.keys()].filter((name) => !shown.has(name))).toEqual([]);
});
