/** One measured number beside the same number of somebody else, measured in the same minutes on the same machine. */
export interface Figure {
  /** Which bench, e.g. `gate`. */
  readonly bench: string;
  /** What was measured, e.g. `fresh probe, wall, median`. */
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** Beside what, e.g. `node -e 0`. */
  readonly peer: string;
  readonly peerValue: number;
  /** peerValue / value: how many times less we need. Under 1 we need more. */
  readonly ratio: number;
}

/** @param decimals of both values; the ratio is taken before rounding */
export function figure(what: Omit<Figure, 'ratio'>, decimals = 2): Figure {
  const round = (n: number, to = decimals) => Math.round(n * 10 ** to) / 10 ** to;
  return {
    ...what,
    value: round(what.value),
    peerValue: round(what.peerValue),
    ratio: round(what.peerValue / what.value, 2),
  };
}

/** @param values at least one, in any order · @param p 0 to 1; 0.5 is the median */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}
