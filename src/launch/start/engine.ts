/**
 * What distributes the work, as one small interface. Adding an engine is adding a folder that builds one of these.
 */
import type { Refusal } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Command } from '../../process/command.ts';
import type { Env } from '../args/settings.ts';
import type { EngineName } from '../catalogue/schema.ts';
import type { Plan } from '../plan/plan.ts';
import type { EngineCall, Peer, Waiting } from '../rally/rally.ts';

/** What an engine needs of the launch it serves. */
export interface EngineContext {
  readonly plan: Plan;
  readonly incarnation: string;
  /** Our own environment; what the plan removes from it never reaches a child. */
  readonly env: Env;
  /** The group's secret, from which an engine may derive its own. */
  readonly token: string | undefined;
  readonly log: Log;
  /** Told at each look what is waited for, and at the end with undefined. */
  readonly waits: (waiting: Waiting | undefined) => void;
  readonly now: () => number;
  /** Aborted when the generation ends: nothing waits any longer. */
  readonly signal: AbortSignal;
}

/** This member's part of the engine, up. */
export interface EngineSession {
  /** What the head tells the members. */
  readonly call: EngineCall;
  /** What the server needs to find the engine, e.g. RAY_ADDRESS. */
  readonly serverEnv: Readonly<Record<string, string>>;
  /** Resolves with the reason when this part of the engine is gone; never when it is stopped on purpose. */
  readonly lost: Promise<Refusal>;
  /** Head only: resolves when the engine lists exactly these members with their resources. */
  gate(peers: readonly Peer[]): Promise<void>;
  /** What its processes said last, oldest first; for the last words. */
  lastLines(): readonly string[];
  /** Ends every process of it, verified gone. */
  stop(graceMs: number): Promise<void>;
}

export interface Engine {
  /** The head's part. Independent of who has joined: it runs while the members gather. */
  open(): Promise<EngineSession>;
  /** A worker's part, once the head's is up. */
  join(call: EngineCall): Promise<EngineSession>;
  /** For exec takeover: what this worker becomes when it runs no server of its own; undefined: it has nothing to hold. */
  joinCommand(call: EngineCall): Promise<Command | undefined>;
}

/** Loads only the engine that is asked for. */
export async function engineOf(name: EngineName, context: EngineContext): Promise<Engine> {
  return name === 'ray'
    ? (await import('./ray/ray-engine.ts')).rayEngine(context)
    : (await import('./native.ts')).nativeEngine(context);
}

/** A promise for what cannot be lost. */
export const NEVER: Promise<never> = new Promise(() => {});
