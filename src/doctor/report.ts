/** Findings for people: what fails first, grouped by check, each with what to do. Pure. */
import { printable } from '../printable.ts';
import type { Finding, Level } from './finding.ts';

export interface Style {
  /** ANSI colours. */
  readonly colour: boolean;
}

const ORDER: readonly Level[] = ['fail', 'warn', 'note', 'ok'];
const WORD: Record<Level, string> = { fail: 'FAIL', warn: 'WARN', note: 'note', ok: 'ok' };
const COLOUR: Record<Level, string> = { fail: '\x1b[1;31m', warn: '\x1b[33m', note: '\x1b[36m', ok: '\x1b[32m' };
const PLAIN = '\x1b[0m';

export const countOf = (findings: readonly Finding[], level: Level): number =>
  findings.filter((each) => each.level === level).length;

export function reportText(findings: readonly Finding[], style: Style): string {
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  const width = Math.max(...sorted.map(({ check }) => check.length), 0);
  const lines = sorted.flatMap((each) => linesOf(each, width, style));
  const counts = ORDER.map((level) => `${countOf(findings, level)} ${COUNTED[level]}`).join(', ');
  return `${[...lines, counts].join('\n')}\n`;
}

const COUNTED: Record<Level, string> = { fail: 'failing', warn: 'warnings', note: 'notes', ok: 'fine' };

function linesOf(
  { check, level, subject, value, unit, wanted, next }: Finding,
  width: number,
  { colour }: Style,
): string[] {
  const word = WORD[level].padEnd(4);
  const shown = colour ? `${COLOUR[level]}${word}${PLAIN}` : word;
  const seen = value === null ? 'not there' : `${value}${unit ? ` ${unit}` : ''}`;
  const want = wanted === '' ? '' : level === 'ok' ? ` (${wanted})` : `; wanted: ${wanted}`;
  const line = `${shown}  ${check.padEnd(width)}  ${printable(`${subject}: ${seen}${want}`)}`;
  return next === '' ? [line] : [line, `${' '.repeat(width + 8)}→ ${printable(next)}`];
}

/** One object for programs. `ok` is whether the exit status is 0. */
export function reportJson(
  findings: readonly Finding[],
  more: { readonly ok: boolean } & Readonly<Record<string, unknown>>,
): string {
  return `${JSON.stringify({ v: 1, ...more, findings }, null, 2)}\n`;
}
