/** What `GET /status` tells: the board in words and durations. Pure; holds no secrets. */
import type { Waiting } from '../rally/rally.ts';
import type { StatusReply } from '../rally/schema.ts';
import type { Board } from './board.ts';
import { live, ready, started, type Verdict } from './verdicts.ts';

/** What the head knows of all members; ages are milliseconds before now. A worker has none. */
export interface GroupView {
  readonly members: StatusReply['members'];
  /** Silence after which a member counts as lost. */
  readonly leaseMs: number;
}

/** What the plan says of the group, for who reads of it. */
export interface GroupPlan {
  /** Where a worker looks for its head. */
  readonly headAddress?: string | undefined;
  /** Tensor × pipeline × data; the head knows them. */
  readonly shards?: number | undefined;
}

export interface StatusReport {
  readonly board: Board;
  readonly groupPlan?: GroupPlan | undefined;
  /** Undefined on a worker, and while there is no rally. */
  readonly group: GroupView | undefined;
  /** What this member waits for; undefined: for nobody. */
  readonly waiting: Waiting | undefined;
  readonly version: string;
  /** Blanks secrets. */
  readonly redacted: (text: string) => string;
  /** Milliseconds on the board's clock. */
  readonly now: number;
  /** What the wall clock said when that clock was 0, milliseconds since 1970. */
  readonly epochMs: number;
}

/** What a reader of `/status` finds; fields that are undefined are not there. */
export type StatusJson = ReturnType<typeof report>;

export const statusJson = (input: StatusReport): string =>
  JSON.stringify(report(input), (_, value: unknown) => (typeof value === 'string' ? input.redacted(value) : value));

/** `v` is raised when a field changes its meaning. */
function report({ board, groupPlan, group, waiting, version, now, epochMs }: StatusReport) {
  const { member, role, rank, worldSize, engine, runtime, generation, phase, headPhase, childAlive } = board;
  const ago = (at: number) => Math.max(0, Math.round(now - at));
  const iso = (at: number) => new Date(epochMs + at).toISOString();
  const words = (ending: Board['ending']) =>
    ending && { code: ending.code, message: ending.message, hint: ending.hint, culprit: ending.culprit };
  return {
    v: 1 as const,
    version,
    at: iso(now),
    ...{ member, role, rank, worldSize, engine, runtime, generation, phase },
    phaseMs: ago(board.phaseSince),
    upMs: ago(board.startedAt),
    headPhase,
    ...groupPlan,
    live: answer(live(board)),
    started: answer(started(board, waiting?.line)),
    ready: answer(ready(board, waiting?.line)),
    waiting: waiting?.line,
    awaited: (waiting?.awaited ?? []).map(({ since, ...who }) => ({ ...who, since: iso(since) })),
    serverAlive: childAlive,
    restarts: board.restarts,
    restartLimit: board.restartLimit,
    restartReasons: board.restartReasons,
    ending: words(board.ending),
    lastEnding: words(board.lastEnding),
    history: board.history.map(({ at, tookMs, ...lap }) => ({
      ...lap,
      atMs: Math.round(at - board.startedAt),
      tookMs: Math.round(tookMs),
    })),
    timeline: board.timeline.map(({ at, ...moment }) => ({ at: iso(at), ...moment })),
    faults: board.faults.map(({ at, generation: of, ending: { code, exitStatus, message, hint, culprit } }) => ({
      at: iso(at),
      generation: of,
      code,
      status: exitStatus,
      sentence: message,
      hint,
      culprit,
    })),
    members: group?.members,
    leaseMs: group?.leaseMs,
  };
}

const answer = (verdict: Verdict): { readonly yes: boolean; readonly why?: string } =>
  verdict.ok ? { yes: true } : { yes: false, why: verdict.why };
