/** What is printed: a table for people, one line of JSON for programs. Pure. */
import type { Row } from './summary.ts';

export interface Report {
  readonly model: string;
  /** e.g. `triton:8001, REST triton:8000` */
  readonly where: string;
  /** e.g. `IN FP32 [1,224,224,3]` */
  readonly inputs: string;
  /** Bytes of the tensors themselves. */
  readonly tensorBytes: number;
  /** e.g. `3 rounds of 5 s, 8 requests at once` */
  readonly how: string;
  readonly rows: readonly Row[];
  readonly verdict: readonly string[];
  /** What should be known beside it, e.g. sizes that were taken as 1. */
  readonly notes: readonly string[];
}

const HEAD = ['way', 'request', 'answer', 'p50', 'p99', 'requests/s', 'CPU/request', 'errors'];
export const WHOSE_CPU =
  'CPU: of this client, which makes the request from the tensor, sends it and reads the answer. The predictor’s is not in it.';
const FROM_WHAT =
  'Typed lists are made from the request as JSON, which is what a transformer has that sends them; the other ways begin with the tensor.';

export function tableText({ model, where, inputs, tensorBytes, how, rows, verdict, notes }: Report): string {
  const cells = [HEAD, ...rows.filter((row) => row.leftOut === undefined).map(cellsOf)];
  const widths = HEAD.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (at === 0 || at === 7 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const left = rows.flatMap(({ name, leftOut }) =>
    leftOut === undefined ? [] : [`${name}: left out, for ${leftOut}`],
  );
  const errors = rows.flatMap(({ name, errors: all }) =>
    all.map(({ kind, count, words }) => `${name}: ${count} × ${kind}: ${words}`),
  );
  return [
    `${model} at ${where}: ${inputs}, ${grouped(tensorBytes)} bytes of tensors`,
    `${how}; medians of the rounds`,
    '',
    ...cells.map(line),
    '',
    ...left,
    ...errors,
    ...notes,
    WHOSE_CPU,
    ...(rows.some(({ way, leftOut }) => way === 'typed' && leftOut === undefined) ? [FROM_WHAT] : []),
    '',
    ...verdict,
    '',
  ].join('\n');
}

const cellsOf = ({ name, sent, got, p50, p99, perSecond, cpuMs, errors }: Row): string[] => [
  name,
  `${grouped(sent)} B`,
  `${grouped(got)} B`,
  inMs(p50),
  inMs(p99),
  number(perSecond),
  inMs(cpuMs),
  errors.map(({ kind, count }) => `${count} × ${kind}`).join(', ') || 'none',
];

export const grouped = (value: number): string => value.toLocaleString('en-US');
/** Three digits, more before the point. */
export const number = (value: number): string =>
  Number.isNaN(value) ? '-' : value >= 100 ? grouped(Math.round(value)) : String(Number(value.toPrecision(3)));
const inMs = (value: number): string => (Number.isNaN(value) ? '-' : `${number(value)} ms`);

/** NaN, which JSON has no word for, becomes null. */
export const jsonText = (report: Report): string => `${JSON.stringify(report)}\n`;
