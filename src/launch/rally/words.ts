/** How the rally says durations, ranks, addresses and both sides of a difference. */
import { isIPv6 } from 'node:net';
import { printable } from '../../printable.ts';
import { clip, LIMIT } from './limits.ts';

/** Whole seconds for a wait, tenths below ten: `15 s`, `3.1 s`. */
export const seconds = (ms: number): string =>
  ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1).replace(/\.0$/, '')} s` : `${Math.round(ms / 1000)} s`;

/** `rank 2`, `ranks 1, 3-5`; at most twelve runs, then `…`. */
export function rankList(ranks: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const rank of ranks) {
    const last = runs.at(-1);
    if (last && rank === last[1] + 1) last[1] = rank;
    else runs.push([rank, rank]);
  }
  const shown = runs.slice(0, 12).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  if (runs.length > 12) shown.push('…');
  return `${ranks.length === 1 ? 'rank' : 'ranks'} ${shown.join(', ')}`;
}

export const hostPort = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

/** A peer's value, in quotes, safe to print and of bearable length. */
export const shown = (value: string): string => `"${clip(printable(value), LIMIT.shownValue)}"`;

export const members = (count: number): string => (count === 1 ? '1 member' : `${count} members`);
