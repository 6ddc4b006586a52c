/** What the page shows, as values: `view.js` and `timeline.js` make it from the answer of `/status`. */

export interface View {
  /** Of the browser's tab: `ready · head`. */
  readonly title: string;
  /** `head (rank 0)`; whose page this is. */
  readonly who: string;
  readonly state: 'ready' | 'waiting' | 'over';
  /** The state in a word or two. */
  readonly word: string;
  /** Why it is not ready; undefined when it is. */
  readonly why: string | undefined;
  readonly generation: number;
  readonly facts: readonly Fact[];
  readonly awaited: readonly AwaitedRow[];
  readonly tiles: readonly Tile[];
  /** Members without a tile, in words. */
  readonly more: string | undefined;
  /** Where the other members are shown; undefined on the head. */
  readonly elsewhere: string | undefined;
  readonly launch: Launch | undefined;
  /** The last one first. */
  readonly faults: readonly FaultRow[];
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export type TileState = 'well' | 'busy' | 'bad' | 'absent';

export interface Tile {
  /** The same member has the same one in every view. */
  readonly key: string;
  readonly name: string;
  readonly rank: number | undefined;
  readonly isSelf: boolean;
  readonly state: TileState;
  /** A phase, `gone` or `absent`. */
  readonly phase: string;
  readonly meaning: string;
  /** How long it has been so; undefined where nobody knows. */
  readonly since: string | undefined;
  readonly beat: Beat | undefined;
  readonly facts: readonly Fact[];
}

/** How long the head has not heard a member, and how much of the lease is left. */
export interface Beat {
  /** `0.3 s ago; lost after 3 s`. */
  readonly words: string;
  /** Of the lease that is left, 0 to 1. */
  readonly left: number;
}

export interface AwaitedRow {
  readonly who: string;
  readonly layer: string;
  readonly since: string;
  readonly detail: string;
}

export interface FaultRow {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly ago: string;
  readonly sentence: string;
  /** `GROUP_LOST, exit status 79`. */
  readonly code: string;
  readonly culprit: string | undefined;
  readonly hint: string | undefined;
  readonly generation: number;
}

/** One entry of `timeline`, its time in milliseconds since 1970. */
export interface Moment {
  readonly at: number;
  readonly generation: number;
  readonly what: string;
  readonly member?: string | undefined;
  readonly rank?: number | undefined;
  readonly phase?: string | undefined;
}

export interface Member {
  readonly member: string | undefined;
  readonly rank: number | undefined;
}

/** Times are milliseconds since the launch began. */
export interface Launch {
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly tookMs: number;
  readonly outcome: 'goes on' | 'ready' | 'ended';
  readonly lanes: readonly Lane[];
  /** Lanes that are not drawn. */
  readonly hidden: number;
  readonly waits: readonly Wait[];
}

export interface Lane {
  readonly member: string | undefined;
  readonly rank: number | undefined;
  readonly spans: readonly { readonly phase: string; readonly from: number; readonly to: number }[];
}

export interface Wait {
  readonly layer: 'rally' | 'engine' | 'server';
  readonly forWhom: readonly Member[];
  readonly by: readonly Member[];
  /** Members nobody has heard of. */
  readonly missing: number;
  readonly tookMs: number;
  readonly isOver: boolean;
}

/** What the page remembers of former answers: the last name that each rank had. */
export type Names = ReadonlyMap<number, string>;

/** The answer of `/status`, as far as the page reads it; anything may be missing but `v`. */
export interface Status {
  readonly v: 1;
  readonly at?: string;
  readonly version?: string;
  readonly member?: string;
  readonly role?: string;
  readonly rank?: number;
  readonly worldSize?: number;
  readonly engine?: string;
  readonly runtime?: string;
  readonly generation?: number;
  readonly phase?: string;
  readonly phaseMs?: number;
  readonly upMs?: number;
  readonly headPhase?: string;
  readonly headAddress?: string;
  readonly ready?: { readonly yes: boolean; readonly why?: string };
  readonly awaited?: readonly {
    readonly member?: string;
    readonly rank?: number;
    readonly layer?: string;
    readonly since?: string;
    readonly detail?: string;
  }[];
  readonly restarts?: number;
  readonly restartLimit?: number;
  readonly shards?: number;
  readonly ending?: { readonly code: string; readonly message: string };
  readonly members?: readonly {
    readonly member: string;
    readonly rank: number;
    readonly incarnation?: string;
    readonly address?: string;
    readonly phase?: string | undefined;
    readonly phaseMs?: number | undefined;
    readonly beatMs?: number;
    readonly connected?: boolean;
    readonly devices?: number;
  }[];
  readonly leaseMs?: number;
  readonly timeline?: readonly (Omit<Moment, 'at'> & { readonly at: string })[];
  readonly faults?: readonly {
    readonly at: string;
    readonly generation: number;
    readonly code: string;
    readonly status?: number;
    readonly sentence: string;
    readonly hint?: string;
    readonly culprit?: string;
  }[];
}

export declare function isStatus(answer: unknown): answer is Status;
export declare function remembered(names: Names, status: Status): Names;
export declare function viewOf(status: Status, names: Names): View;
export declare function newsOf(before: View | undefined, after: View): string;
export declare function nameOf(member: Member): string;
export declare const MAX_TILES: number;
