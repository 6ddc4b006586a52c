/**
 * What this member knows of itself and its group. Pure: a change makes a new board, the clock is an argument. What it
 * means for a probe is `verdicts.ts`.
 */
import type { ErrorCode } from '../../errors.ts';
import type { Role } from '../plan/topology/detectors.ts';
import type { Ending, Phase } from '../rally/rally.ts';

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
  /** One line: who is awaited; undefined when nobody is. */
  readonly awaited: string | undefined;
  readonly awaitedSince: number;
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

export type Change =
  | { readonly on: 'generation'; readonly generation: number }
  | { readonly on: 'seat'; readonly rank: number; readonly worldSize: number; readonly generation: number }
  | { readonly on: 'phase'; readonly phase: Phase }
  | { readonly on: 'head-phase'; readonly phase: Phase }
  | { readonly on: 'awaited'; readonly who: string | undefined }
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
  awaited: undefined,
  awaitedSince: now,
  childAlive: undefined,
  ending: undefined,
  lastEnding: undefined,
  restarts: 0,
  restartReasons: {},
  history: [],
});

/** The board after `change`; the same object when it changes nothing. */
export function changed(board: Board, change: Change, now: number): Board {
  switch (change.on) {
    case 'generation':
      return begun(board, change.generation, now);
    case 'seat': {
      const { rank, worldSize, generation } = change;
      const same = board.rank === rank && board.worldSize === worldSize && board.generation === generation;
      return same ? board : { ...board, rank, worldSize, generation };
    }
    case 'phase':
      return ownPhase(board, change.phase, now);
    case 'head-phase':
      return headPhase(board, change.phase);
    case 'awaited':
      return board.awaited === change.who ? board : { ...board, awaited: change.who, awaitedSince: now };
    case 'child':
      return board.childAlive === change.alive ? board : { ...board, childAlive: change.alive };
    case 'ended':
      return board.ending ? board : { ...board, ending: change.ending, lastEnding: change.ending, awaited: undefined };
  }
}

/** A generation that begins knows nothing of the one before but why it ended. */
function begun(board: Board, generation: number, now: number): Board {
  const again = board.generation > 0;
  const code = board.lastEnding?.code;
  const before = board.restartReasons;
  return {
    ...board,
    generation,
    phase: 'joining',
    phaseSince: now,
    headPhase: undefined,
    wasReady: false,
    awaited: undefined,
    awaitedSince: now,
    childAlive: undefined,
    ending: undefined,
    restarts: board.restarts + (again ? 1 : 0),
    restartReasons: again && code ? { ...before, [code]: (before[code] ?? 0) + 1 } : before,
    history: again ? lapped(board, now) : board.history,
  };
}

function ownPhase(board: Board, phase: Phase, now: number): Board {
  if (board.phase === phase) return board;
  const next = { ...board, phase, phaseSince: now, history: lapped(board, now) };
  return board.role === 'head' ? headPhase(next, phase) : next;
}

function headPhase(board: Board, phase: Phase): Board {
  if (board.headPhase === phase) return board;
  const wasReady = board.wasReady || (phase === 'ready' && !board.ending);
  return { ...board, headPhase: phase, wasReady };
}

function lapped({ history, generation, phase, phaseSince }: Board, now: number): readonly Lap[] {
  const lap = { generation, phase, at: phaseSince, tookMs: Math.max(0, now - phaseSince) };
  return [...history, lap].slice(-HISTORY);
}
