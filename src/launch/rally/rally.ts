/**
 * The rally: every member reports to the head, gets its rank, and waits for the same decision.
 *
 * Words: a *member* is one machine of the group; an *incarnation* is one life of its muster process (random id); a
 * *seat* is what the head gives a member (rank, generation); *terms* are what all members must agree on.
 * These are the only types the other stages see; gRPC stays behind them.
 */
import type { ErrorCode, ExitStatus } from '../../errors.ts';
import type { StatusReply } from './schema.ts';

/** What all members must agree on: name to value. A name only one side has was "not given" there, and is not compared. */
export type Terms = Readonly<Record<string, string>>;

/** What a member says of itself when it arrives. */
export interface Hello {
  readonly member: string;
  /** Random id of this life of the member, hex. */
  readonly incarnation: string;
  /** The rank the topology gave it; undefined: any free one. The head is always 0. */
  readonly wantedRank: number | undefined;
  /** The rank it had in a former generation, or with a former head: given if free, never insisted on. */
  readonly preferredRank?: number | undefined;
  readonly terms: Terms;
  /** SHA-256 of the terms, hex. */
  readonly digest: string;
  /** e.g. `{ muster: '0.1.0', ray: '2.58.0' }`; a name only one side has is not compared. */
  readonly versions: Readonly<Record<string, string>>;
  /** Accelerators (or shards it can hold); undefined: could not be counted. */
  readonly devices: number | undefined;
  /** Where the other members reach it: an IP address, IPv6 without brackets. */
  readonly address: string;
  /** Hash of the model's config, when it has the model on disk. */
  readonly fingerprint: string | undefined;
}

export interface Seat {
  readonly rank: number;
  readonly worldSize: number;
  /** One start of the whole group: 1, 2, 3, … */
  readonly generation: number;
  readonly beatMs: number;
  readonly leaseMs: number;
}

export interface Peer {
  readonly member: string;
  readonly incarnation: string;
  readonly rank: number;
  readonly address: string;
  readonly devices: number | undefined;
}

/** The head's engine is up (or, for the native engine, will be): a member may start its part. */
export interface EngineCall {
  /** `host:port` that members dial, e.g. Ray's GCS; IPv6 bracketed. */
  readonly address: string;
  /** Secret of the engine made for this generation (Ray's token), absent when members derive it or none is used. */
  readonly secret: string | undefined;
}

/** Everybody is in: the server may start. */
export interface StartOrder {
  /** The head gives all; a worker hears only of those it dials: rank 0. */
  readonly peers: readonly Peer[];
  /** The head's server args, byte for byte, for a native member that was given none of its own. */
  readonly serverArgs: readonly string[];
  /** The head's placeholder values (model, model_name, tensor, engine_port, …), for what a worker was not told itself. */
  readonly values: Readonly<Record<string, string>>;
}

/** Where a member is. Order is the order of a launch. */
export const PHASES = [
  'joining',
  'joined',
  'engine',
  'engine-up',
  'serving',
  'ready',
  'handed-over',
  'stopping',
] as const;
export type Phase = (typeof PHASES)[number];

/** Why a generation is over, in the same words on every member. */
export interface Ending {
  readonly code: ErrorCode;
  readonly exitStatus: ExitStatus;
  readonly message: string;
  readonly hint: string;
  /** The member that caused it, when one did. */
  readonly culprit: string | undefined;
}

/** How far what is awaited has come: a layer of joining, the rally itself, then the engine and the server. */
export type AwaitedLayer =
  | 'DNS'
  | 'TCP'
  | 'TLS'
  | 'hello'
  | 'version'
  | 'plan'
  | 'GPU'
  | 'model'
  | 'seat'
  | 'rally'
  | 'engine'
  | 'server';

/** One member that somebody waits for. */
export interface Awaited {
  /** Undefined: nobody of that rank was heard of. */
  readonly member: string | undefined;
  /** Undefined: one that was refused, and has none. */
  readonly rank: number | undefined;
  readonly layer: AwaitedLayer;
  /** Milliseconds on the monotonic clock. */
  readonly since: number;
  readonly detail: string;
}

/** What a member waits for: one line, as in its log, and the same by member. */
export interface Waiting {
  readonly line: string;
  /** At most 64 of those that are missing, and 16 that were refused. */
  readonly awaited: readonly Awaited[];
}

/** Something that happened to a worker, as the head sees it. */
export interface News {
  readonly what: 'arrived' | 'gone' | 'phase';
  readonly member: string;
  readonly rank: number;
  readonly phase: Phase;
}

/** The head's side. Close it with `stop`; it never outlives that. */
export interface RallyHead {
  /** The port it listens on (the real one, when 0 was asked for). */
  readonly port: number;
  /** Everybody as the head sees them now; undefined for a group of one. */
  view?(): { readonly members: StatusReply['members']; readonly leaseMs: number };
  /** Who is missing; undefined once all are in, and for a group of one. */
  waiting?(): Waiting | undefined;
  /** All members are in and agree: exactly worldSize peers, head included, index = rank. Rejects with a MusterError. */
  readonly assembled: Promise<readonly Peer[]>;
  /** Tells present and later members that the engine can be joined. */
  prepare(call: EngineCall): void;
  /** Resolves when every worker has reported this phase or a later one. */
  reached(phase: Phase): Promise<void>;
  start(order: StartOrder): void;
  /** The head's own phase; `ready` makes grpc.health.v1 say SERVING and is told to every member. */
  report(phase: Phase): void;
  /** Resolves when the group must end: a member lost, left, refused by rank… never rejects. */
  readonly ended: Promise<Ending>;
  /**
   * The end of the head's own server or engine: may it be the consequence of another member's? Gives what all are told,
   * at most `SETTLE_MS` later. Undefined for a group of one.
   */
  blame?(own: Ending): Promise<Ending>;
  /** Tells every member `ending`, waits until it is sent (bounded, 1 s), closes the port. Idempotent. */
  stop(ending: Ending): Promise<void>;
  /** For exec takeover: closes the port without ending the members that have handed over. */
  handOver(): Promise<void>;
}

/** A worker's side. */
export interface RallyMember {
  /** Rejects with a MusterError when refused or out of time. */
  readonly seated: Promise<Seat>;
  readonly prepared: Promise<EngineCall>;
  readonly started: Promise<StartOrder>;
  /** The head's phase changed; the last one is repeated to a new listener. */
  onHeadPhase(listener: (phase: Phase) => void): void;
  report(phase: Phase): void;
  /** The head it looks for, who is missing, or what the head is at; undefined once the head is ready. */
  waiting(): Waiting | undefined;
  /** Resolves when the group is over for this member: told to stop, or the head is lost. Never rejects. */
  readonly ended: Promise<Ending>;
  /**
   * Tells the head what happened here; its answer is `ended`. Before the start it is not told, for there is no answer:
   * the seat would be free, and the group wait on.
   *
   * @returns whether it was told
   */
  blame(ending: Ending): boolean;
  /** Tells the head why this member goes (`engine start failed`, `server exited 3`, SIGTERM), then closes. */
  leave(ending: Ending): Promise<void>;
  /** For exec takeover: tells the head that muster is about to be replaced on purpose, then closes. */
  handOver(): Promise<void>;
}
