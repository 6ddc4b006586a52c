/** Argument lists that shells, parsers and templates like to break, and what a program got of them. */
import { readFileSync } from 'node:fs';
import fc from '../../property.ts';

// biome-ignore format: a table
const NASTY = [
  '', ' ', '  a  b ', '--', '-', '-n', '--x=$(id)', '$(id)', '`id`', '*', '?', '[a-z]*', '~', '$HOME', '$' + '{HOME}', '!!',
  '"', "'", '\\', '\\n', '\n', '\r\n', '\t', '\u0001\u001b[0m', 'a=b', 'A=B c', '#', ';', '&&', '|', '<>', '%s%n',
  '\ufffd', '\ufeff', '😀', 'é', 'e\u0301', '\u{10ffff}', '\u2028', '{"k": "v w"}', '1.0', '1e5', '0x10', 'bash',
  '{server_args}', '{rank}', '{{', '--help', '--version', '--explain', '--json', '--rank=7', '--takeover', '--engine=ray',
  '-h', 'launch', 'run', '__proto__', '--constructor', 'x'.repeat(100_000),
];

const text = fc.string({ unit: 'binary', size: 'medium' }).map((each) => each.replaceAll('\0', ''));
const long = fc
  .tuple(fc.constantFrom('x', '😀', '"', ' ', '\n'), fc.integer({ min: 1, max: 100_000 }))
  .map(([piece, bytes]) => piece.repeat(Math.floor(bytes / Buffer.byteLength(piece))));
const argument = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: long },
);

/** At most 20 arguments: well below the 2 MiB that execve takes by default. */
export const argumentList = fc.array(argument, { maxLength: 20 });

/** Every nasty one at once: the lists above are random, this one is not. */
export const everyNastyArgument: readonly string[] = NASTY;

/** What the kernel held as the arguments of the fixture print-args, behind its interpreter and its own path; hex. */
export function printedArguments(file: string): readonly string[] {
  const bytes = readFileSync(file);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(0, from);
    parts.push(bytes.subarray(from, to).toString('hex'));
    from = to + 1;
  }
  return parts.slice(2);
}

export const inHex = (args: readonly string[]): readonly string[] =>
  args.map((each) => Buffer.from(each).toString('hex'));
