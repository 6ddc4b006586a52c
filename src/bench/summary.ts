/** Rounds of each way → one row each: medians over the rounds. Pure. */
import type { Complaint, Round, Sizes } from './messages.ts';
import { type Measured, WAY_NAMES } from './ways.ts';

/** What one way came to. */
export interface Outcome {
  readonly way: Measured;
  /** Why it was left out, or what its first request brought. */
  readonly tried: Sizes | { readonly leftOut: string };
  readonly rounds: readonly Round[];
}

export interface Row {
  readonly way: Measured;
  readonly name: string;
  /** Undefined: it was measured. */
  readonly leftOut: string | undefined;
  /** Bytes of a request, and of its answer. */
  readonly sent: number;
  readonly got: number;
  /** Requests that were answered, of all rounds. */
  readonly answered: number;
  /** Milliseconds; median of the rounds' medians, and of their 99th percentiles. NaN: nothing was answered. */
  readonly p50: number;
  readonly p99: number;
  /** Answers in a second. */
  readonly perSecond: number;
  /** Milliseconds of CPU of this client for an answered request. */
  readonly cpuMs: number;
  readonly errors: readonly (Complaint & { readonly count: number })[];
}

export function rowOf({ way, tried, rounds }: Outcome): Row {
  const answers = rounds.filter((each) => each.latencies.length > 0);
  const median = (of: (round: Round) => number) => quantile(Float64Array.from(answers, of), 0.5);
  const left = 'leftOut' in tried;
  return {
    way,
    name: WAY_NAMES[way],
    leftOut: left ? tried.leftOut : undefined,
    sent: left ? Number.NaN : tried.sent,
    got: left ? Number.NaN : tried.got,
    answered: answers.reduce((sum, each) => sum + each.latencies.length, 0),
    p50: median((round) => quantile(round.latencies, 0.5)),
    p99: median((round) => quantile(round.latencies, 0.99)),
    perSecond: median((round) => (1000 * round.latencies.length) / round.tookMs),
    cpuMs: median((round) => round.cpuMs / round.latencies.length),
    errors: errorsOf(rounds),
  };
}

function errorsOf(rounds: readonly Round[]): Row['errors'] {
  const all = new Map<string, Row['errors'][number]>();
  for (const { kind, count, words } of rounds.flatMap((each) => each.errors))
    all.set(kind, { kind, words, count: (all.get(kind)?.count ?? 0) + count });
  return [...all.values()];
}

/** @param p 0 to 1 · @returns one of the values, the one at that rank; NaN of none */
export function quantile(values: Float64Array, p: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export const isMeasured = (row: Row): boolean => row.leftOut === undefined && row.answered > 0;
