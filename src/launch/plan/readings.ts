/**
 * What the user's server args already say. Only looks, never rewrites: the server gets its args byte for byte.
 */
import type { Refusal } from '../../errors.ts';
import type { Sourced } from '../args/options.ts';
import { maskInside } from '../args/secrets.ts';

/** Stands among spellings for the first argument, when it is no flag: `vllm serve MODEL`. */
export const FIRST = '<first>';

/** The last `--flag=value` or `--flag value` wins; what looks like a flag is no value. Both as argparse has it. */
export function lastValue(args: readonly string[], spellings: readonly string[]): Sourced<string> | undefined {
  const [first] = args;
  let found: Sourced<string> | undefined =
    spellings.includes(FIRST) && first && /^[\w./~]/.test(first)
      ? { value: first, origin: 'first server arg' }
      : undefined;
  args.forEach((arg, at) => {
    const spelling = spellingOf(arg, spellings);
    if (spelling === undefined) return;
    const next = args[at + 1];
    const value = arg !== spelling ? arg.slice(spelling.length + 1) : next && FLAG.test(next) ? undefined : next;
    if (value !== undefined) found = { value, origin: `server arg ${spelling}` };
  });
  return found;
}

/** Whether the args say it at all, with a value or without. */
export const mentions = (args: readonly string[], spellings: readonly string[]): boolean =>
  args.some((arg) => spellingOf(arg, spellings) !== undefined) || lastValue(args, spellings) !== undefined;

const spellingOf = (arg: string, spellings: readonly string[]): string | undefined =>
  spellings.find((each) => arg === each || arg.startsWith(`${each}=`));

const FLAG = /^--?[A-Za-z]/;

/** The same for a size or port; a value that is no whole number in range is refused. */
export function lastNumber(
  args: readonly string[],
  spellings: readonly string[],
  range: { min: number; max: number },
): { value?: Sourced<number>; refusals: readonly Refusal[] } {
  const text = lastValue(args, spellings);
  if (!text) return { refusals: [] };
  return wholeNumber(text, range);
}

/** @param text a value with its origin, e.g. of an environment variable */
export function wholeNumber(
  text: Sourced<string>,
  { min, max }: { min: number; max: number },
): { value?: Sourced<number>; refusals: readonly Refusal[] } {
  const value = Number(text.value);
  if (/^\d+$/.test(text.value) && value >= min && value <= max)
    return { value: { value, origin: text.origin }, refusals: [] };
  const subject = text.origin.replace(/^(server arg|env) /, '');
  return {
    refusals: [
      {
        code: 'CONFIG_INVALID',
        message: `${subject} is "${maskInside(text.value)}", not a whole number from ${min} to ${max}`,
        hint: `Correct ${subject} where this member gets it from.`,
      },
    ],
  };
}
