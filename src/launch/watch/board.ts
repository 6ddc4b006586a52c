/**
 * What this member knows of itself and its group. Pure: a change makes a new board, the clock is an argument. What it
 * means for a probe is `verdicts.ts`.
 */
import type { ErrorCode } from '../../errors.ts';
import type { Role } from '../plan/topology/detectors.ts';
import type { Ending, News, Phase } from '../rally/rally.ts';

/** Times are milliseconds on one monotonic clock, 0 at process start. */
export interface Board {
  readonly member: string;
  readonly role: Role;
  /** Undefined until the head gives one. */
  readonly rank: number | undefined;
  /** Members, head included. */
  readonly worldSize: number;
  readonly engine: string;
  readonly runtime: string;
  /** Restarts that may be made within the plan's window. */
  readonly restartLimit: number;
  readonly startedAt: number;
  /** 0 before the first one begins. */
  readonly generation: number;
  readonly phase: Phase;
  readonly phaseSince: number;
  /** Undefined until the head has told it; on the head its own. */
  readonly headPhase: Phase | undefined;
  /** The group was ready once in this generation. */
  readonly wasReady: boolean;
  /** Undefined: none was started in this generation. */
  readonly childAlive: boolean | undefined;
  /** Why this generation is over; undefined while it lasts. */
  readonly ending: Ending | undefined;
  /** Why the last one before, or this one, ended. */
  readonly lastEnding: Ending | undefined;
  /** Generations begun after another had ended. */
  readonly restarts: number;
  readonly restartReasons: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Phases that are over, oldest first, at most `HISTORY`. */
  readonly history: readonly Lap[];
  /** What happened here and, on the head, to the workers; oldest first, at most `TIMELINE`. */
  readonly timeline: readonly Moment[];
  /** Generations that ended with a cause, oldest first, at most `FAULTS`. */
  readonly faults: readonly Fault[];
}

export interface Moment {
  readonly at: number;
  readonly generation: number;
  /** A generation `began` or `ended`; a member reached a `phase`; on the head a worker `arrived`, or is `gone`. */
  readonly what: 'began' | 'ended' | News['what'];
  /** Undefined: the head, as a worker hears of it. */
  readonly member: string | undefined;
  readonly rank: number | undefined;
  /** Undefined where none was reached by it. */
  readonly phase: Phase | undefined;
}

export interface Fault {
  readonly at: number;
  readonly generation: number;
  readonly ending: Ending;
}

/** One phase of the time line, once it is over. */
export interface Lap {
  readonly generation: number;
  readonly phase: Phase;
  /** When it was reached. */
  readonly at: number;
  readonly tookMs: number;
}

/** Some eight phases a generation. */
export const HISTORY = 64;
export const TIMELINE = 200;
export const FAULTS = 20;

export type Change =
  | { readonly on: 'generation'; readonly generation: number }
  | { readonly on: 'seat'; readonly rank: number; readonly worldSize: number; readonly generation: number }
  | { readonly on: 'phase'; readonly phase: Phase }
  | { readonly on: 'head-phase'; readonly phase: Phase }
  | { readonly on: 'news'; readonly news: News }
  | { readonly on: 'child'; readonly alive: boolean }
  | { readonly on: 'ended'; readonly ending: Ending };

export type Self = Pick<Board, 'member' | 'role' | 'rank' | 'worldSize' | 'engine' | 'runtime' | 'restartLimit'>;

export const newBoard = (self: Self, now: number): Board => ({
  ...self,
  startedAt: now,
  generation: 0,
  phase: 'joining',
  phaseSince: now,
  headPhase: undefined,
  wasReady: false,
  childAlive: undefined,
  ending: undefined,
  lastEnding: undefined,
  restarts: 0,
  restartReasons: {},
  history: [],
  timeline: [],
  faults: [],
});

/** The board after `change`; the same object when it changes nothing. */
export function changed(board: Board, change: Change, now: number): Board {
  switch (change.on) {
    case 'generation':
      return begun(board, change.generation, now);
    case 'seat': {
      const { rank, worldSize, generation } = change;
      const same = board.rank === rank && board.worldSize === worldSize && board.generation === generation;
      return same ? board : { ...board, rank, worldSize, generation, timeline: renumbered(board, rank, generation) };
    }
    case 'phase':
      return ownPhase(board, change.phase, now);
    case 'head-phase':
      return headPhase(board, change.phase, now);
    case 'news':
      return noted(board, change.news, now);
    case 'child':
      return board.childAlive === change.alive ? board : { ...board, childAlive: change.alive };
    case 'ended':
      return board.ending ? board : over(board, change.ending, now);
  }
}

/** A generation that begins knows nothing of the one before but why it ended. */
function begun(board: Board, generation: number, now: number): Board {
  const again = board.generation > 0;
  const code = board.lastEnding?.code;
  const before = board.restartReasons;
  const next: Board = {
    ...board,
    generation,
    phase: 'joining',
    phaseSince: now,
    headPhase: undefined,
    wasReady: false,
    childAlive: undefined,
    ending: undefined,
    restarts: board.restarts + (again ? 1 : 0),
    restartReasons: again && code ? { ...before, [code]: (before[code] ?? 0) + 1 } : before,
    history: again ? lapped(board, now) : board.history,
  };
  return noted(next, { what: 'began', ...own(next), phase: undefined }, now);
}

function over(board: Board, ending: Ending, now: number): Board {
  const next = { ...board, ending, lastEnding: ending };
  const fault = { at: now, generation: board.generation, ending };
  const faults = isFault(board, ending) ? [...board.faults, fault].slice(-FAULTS) : board.faults;
  return noted({ ...next, faults }, { what: 'ended', ...own(board), phase: undefined }, now);
}

/** Somebody else's SIGTERM is one. */
const isFault = ({ member }: Board, { code, culprit }: Ending): boolean =>
  code !== 'DONE' && !(code === 'STOPPED' && (culprit === undefined || culprit === member));

/** Until it is seated a worker counts by itself: what it noted since this generation began is of the group's. */
function renumbered({ timeline }: Board, rank: number, generation: number): readonly Moment[] {
  const began = timeline.findLastIndex(({ what }) => what === 'began');
  return timeline.map((moment, at) => (at < began ? moment : { ...moment, rank: moment.rank ?? rank, generation }));
}

const own = ({ member, rank }: Board) => ({ member, rank });

const noted = (board: Board, news: Omit<Moment, 'at' | 'generation'>, now: number): Board => ({
  ...board,
  timeline: [...board.timeline, { at: now, generation: board.generation, ...news }].slice(-TIMELINE),
});

function ownPhase(board: Board, phase: Phase, now: number): Board {
  if (board.phase === phase) return board;
  const next = { ...board, phase, phaseSince: now, history: lapped(board, now) };
  const told = noted(next, { what: 'phase', ...own(board), phase }, now);
  return board.role === 'head' ? { ...told, ...seen(told, phase) } : told;
}

/** A worker hears it; its name of the head may be another one than the head's own. */
function headPhase(board: Board, phase: Phase, now: number): Board {
  if (board.headPhase === phase) return board;
  return noted({ ...board, ...seen(board, phase) }, { what: 'phase', member: undefined, rank: 0, phase }, now);
}

const seen = (board: Board, phase: Phase): Pick<Board, 'headPhase' | 'wasReady'> => ({
  headPhase: phase,
  wasReady: board.wasReady || (phase === 'ready' && !board.ending),
});

function lapped({ history, generation, phase, phaseSince }: Board, now: number): readonly Lap[] {
  const lap = { generation, phase, at: phaseSince, tookMs: Math.max(0, now - phaseSince) };
  return [...history, lap].slice(-HISTORY);
}
