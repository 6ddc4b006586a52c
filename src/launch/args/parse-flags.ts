/**
 * Our half of argv to raw flags. `node:util` parses it: yargs costs 40 ms of a start whose floor is 23 (docs/bench.md), so
 * yargs renders the help, where nobody counts milliseconds.
 */
import { parseArgs } from 'node:util';
import type { Refusal } from '../../errors.ts';
import { OPTIONS, type Option } from './options.ts';

export interface Flags {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | readonly string[]>>;
}

/** Options by name, and the command whose help explains them. */
export interface OptionTable {
  readonly options: Readonly<Record<string, Option>>;
  /** e.g. `muster launch --help` */
  readonly help: string;
}

const LAUNCH: OptionTable = { options: OPTIONS, help: 'muster launch --help' };

/** All complaints at once: unknown flags with the nearest name, flags without a value, single flags given twice. */
export function parseFlags(
  ours: readonly string[],
  table: OptionTable = LAUNCH,
): { flags: Flags; refusals: readonly Refusal[] } {
  const { values, positionals, tokens } = parseArgs({
    args: [...ours],
    options: Object.fromEntries(Object.entries(table.options).map(([name, option]) => [name, syntaxOf(option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = tokens.filter((token) => token.kind === 'option');
  const refusals = given.flatMap((token) => complain(token, given, table));
  return { flags: { positionals, values: values as Flags['values'] }, refusals };
}

const syntaxOf = (option: Option) =>
  ({
    type: option.kind === 'switch' ? 'boolean' : 'string',
    multiple: option.kind === 'list',
    ...(option.short === undefined ? {} : { short: option.short }),
  }) as const;

interface Token {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
  readonly index: number;
}

function complain(token: Token, all: readonly Token[], { options, help }: OptionTable): Refusal[] {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  const hint = `See \`${help}\`; arguments of the server belong behind \`--\`.`;
  if (!option) {
    const near = nearest(token.name, Object.keys(options));
    return [
      {
        code: 'USAGE',
        message: `${token.rawName} is not an option of muster`,
        hint: near ? `Did you mean --${near}? ${hint}` : hint,
      },
    ];
  }
  if (option.kind === 'switch') {
    return token.value === undefined
      ? []
      : [{ code: 'USAGE', message: `${token.rawName} takes no value, got "${token.value}"`, hint }];
  }
  if (token.value === undefined || token.value === '') {
    return [{ code: 'USAGE', message: `${token.rawName} needs a value`, hint: `${option.describe}. ${hint}` }];
  }
  if (!token.inlineValue && token.value.startsWith('-')) {
    const exact = `${token.rawName}=${token.value}`;
    return [
      {
        code: 'USAGE',
        message: `${token.rawName} needs a value, but "${token.value}" follows it`,
        hint: `If that is the value, write ${exact}.`,
      },
    ];
  }
  const first = all.find((other) => other.name === token.name);
  return option.kind !== 'list' && first !== token
    ? [
        {
          code: 'USAGE',
          message: `${token.rawName} is given twice: "${first?.value}" and "${token.value}"`,
          hint: 'Keep one.',
        },
      ]
    : [];
}

/** The option that shares the most letters pairs with a mistyped one, if it is near enough to be meant. */
export function nearest(typed: string, names: readonly string[] = Object.keys(OPTIONS)): string | undefined {
  const pairs = (word: string) =>
    new Set(Array.from({ length: Math.max(word.length - 1, 0) }, (_, i) => word.slice(i, i + 2)));
  const mine = pairs(typed);
  const scored = names.map((name) => {
    const theirs = pairs(name);
    const shared = [...mine].filter((pair) => theirs.has(pair)).length;
    return { name, score: (2 * shared) / (mine.size + theirs.size || 1) };
  });
  const best = scored.sort((a, b) => b.score - a.score)[0];
  return best && best.score >= 0.4 ? best.name : undefined;
}
