/**
 * How a group comes up, seen from outside: which member is at which phase since when, what is new since the last look,
 * and whether it is over. Pure: `now` is an argument, milliseconds on one monotonic clock.
 */
import { seconds } from '../launch/rally/words.ts';
import type { Sight } from './sight.ts';

export interface Seen {
  readonly name: string;
  /** A phase of the launch, or what became of its container. */
  readonly phase: string;
  readonly since: number;
  readonly rank: number | undefined;
  readonly generation: number;
  /** Who or what it waits for, in its own words. */
  readonly waiting: string | undefined;
}

export interface Progress {
  readonly startedAt: number;
  /** By ordinal. */
  readonly members: readonly Seen[];
  /** When each member's wait was told last. */
  readonly toldAt: Readonly<Record<string, number>>;
}

export type Outcome =
  | { readonly is: 'coming' }
  | { readonly is: 'ready' }
  /** Containers that are not there any more. */
  | { readonly is: 'removed'; readonly count: number }
  /** The member that ended first by itself, as far as can be told. */
  | { readonly is: 'ended'; readonly culprit: Sight };

export const begin = (names: readonly string[], now: number): Progress => ({
  startedAt: now,
  members: names.map((name) => ({
    name,
    phase: 'absent',
    since: now,
    rank: undefined,
    generation: 0,
    waiting: undefined,
  })),
  toldAt: {},
});

/** A wait is told once it is this old, and again each time it is this much older. Milliseconds. */
const PATIENCE_MS = 5_000;

/** The next state, and a line for each thing that is new. */
export function step(before: Progress, sights: readonly Sight[], now: number): { progress: Progress; news: string[] } {
  const news: string[] = [];
  const toldAt: Record<string, number> = { ...before.toldAt };
  const members = before.members.map((was) => {
    const sight = sights.find(({ name }) => name === was.name);
    const is = seen(was, sight, now);
    if (is.phase !== was.phase || is.generation !== was.generation) {
      news.push(`${is.name}: ${described(is, sight)} after ${seconds(now - before.startedAt)}`);
      toldAt[is.name] = now;
    } else if (is.waiting !== undefined && now - (toldAt[is.name] ?? before.startedAt) >= PATIENCE_MS) {
      news.push(`${is.name}: ${is.waiting}`);
      toldAt[is.name] = now;
    }
    return is;
  });
  return { progress: { ...before, members, toldAt }, news };
}

function seen(was: Seen, sight: Sight | undefined, now: number): Seen {
  const phase = phaseOf(sight);
  const report = sight?.state === 'running' ? sight.report : undefined;
  const same = phase === was.phase && (report?.generation ?? was.generation) === was.generation;
  return {
    name: was.name,
    phase,
    since: same ? was.since : now - (report?.phaseMs ?? 0),
    rank: report?.rank ?? was.rank,
    generation: report?.generation ?? was.generation,
    waiting: report && !report.ready.yes ? (report.waiting ?? report.ready.why) : undefined,
  };
}

/** In one word. A container that runs, but whose muster does not answer, is `starting`; without its network, `cut off`. */
export function phaseOf(sight: Sight | undefined): string {
  if (!sight) return 'absent';
  if (sight.state === 'paused') return 'frozen';
  if (sight.state === 'exited' || sight.state === 'dead') return `ended (${sight.exit?.status ?? '?'})`;
  if (sight.state !== 'running') return sight.state;
  if (!sight.connected) return 'cut off';
  return sight.report?.phase ?? 'starting';
}

const described = ({ phase, rank, generation }: Seen, sight: Sight | undefined): string => {
  const place = sight?.report && rank !== undefined ? ` (rank ${rank})` : '';
  return `${phase}${place}${generation > 1 ? `, generation ${generation}` : ''}`;
};

/**
 * Ready when the head says so of the whole group; over when a container ended. Who ends with 79 or 75 was told of
 * another's end, so anybody else comes before it; among equals the first. Removed when there are less than `count`.
 */
export function outcome(sights: readonly Sight[], count = sights.length): Outcome {
  if (sights.length < count) return { is: 'removed', count: count - sights.length };
  const ended = sights.filter(({ exit }) => exit !== undefined);
  const [culprit] = ended.toSorted((a, b) => Number(wasTold(a)) - Number(wasTold(b)) || endOf(a) - endOf(b));
  if (culprit) return { is: 'ended', culprit };
  const head = sights.find(({ marks }) => marks.ordinal === 0);
  return head?.report?.ready.yes ? { is: 'ready' } : { is: 'coming' };
}

const TOLD = [75, 79];
const wasTold = ({ exit }: Sight): boolean => TOLD.includes(exit?.status ?? 0);
const endOf = ({ exit }: Sight): number => exit?.endedMs ?? 0;
