/** Which of several addresses gets the next call. Pure. */
import { createHash } from 'node:crypto';
import type { Circuit } from './circuit.ts';

export interface Candidate {
  readonly address: string;
  readonly circuit: Circuit;
  /** Calls under way. */
  readonly running: number;
}

export interface Wish {
  /** Counts up by one a call: whose turn it is among equals. */
  readonly turn: number;
  /** Addresses that this request has met already; they come last. */
  readonly tried: ReadonlySet<string>;
  /** Calls with the same one go to the same address, while it is there. */
  readonly affinity?: string | undefined;
}

/**
 * Among those whose circuit is closed the one with the least under way, in turns; when there is none, one on trial.
 *
 * @returns undefined when all are open
 */
export function choose<C extends Candidate>(all: readonly C[], wish: Wish): C | undefined {
  const closed = all.filter(({ circuit }) => circuit.state === 'closed');
  const trial = all.filter(({ circuit }) => circuit.state === 'trial');
  const untried = (of: readonly C[]) => of.filter(({ address }) => !wish.tried.has(address));
  const usable = [untried(closed), untried(trial), closed, trial].find((each) => each.length > 0);
  if (!usable) return undefined;
  return wish.affinity === undefined ? leastBusy(usable, wish.turn) : bound(usable, wish.affinity);
}

function leastBusy<C extends Candidate>(usable: readonly C[], turn: number): C | undefined {
  const least = Math.min(...usable.map(({ running }) => running));
  const equal = usable.filter(({ running }) => running === least);
  return equal[turn % equal.length];
}

/** Rendezvous hashing: an address that comes or goes moves only what is its own. */
function bound<C extends Candidate>(usable: readonly C[], affinity: string): C | undefined {
  const weight = ({ address }: C) => createHash('sha256').update(`${address} ${affinity}`).digest('hex');
  const weighed = usable.map((each) => ({ each, weight: weight(each) }));
  return weighed.reduce((best, next) => (next.weight > best.weight ? next : best)).each;
}
