/**
 * The head's view of the group, and the words of its decisions: what can happen (`Event`), what is to be done (`Effect`).
 *
 * Times are milliseconds on one monotonic clock and always arguments. Nothing here or in the files that decide
 * (`reducer`, `seats`, `agreement`, `leases`) knows gRPC, reads a clock or does I/O.
 */
import type { ErrorCode, Refusal } from '../../errors.ts';
import type { Level } from '../../log.ts';
import { clip, LIMIT } from './limits.ts';
import { isPresent, type Place, type Places } from './places.ts';
import type { Ending, EngineCall, Hello, Peer, Phase, Seat, StartOrder } from './rally.ts';

/** One stream to the head. Never used again. */
export type ConnId = number;

/** What the group was told to be; never changes. */
export interface Rules {
  readonly self: Hello;
  /** Members, head included. */
  readonly worldSize: number;
  readonly generation: number;
  /** How long the head waits for everybody. */
  readonly timeoutMs: number;
  readonly beatMs: number;
  readonly leaseMs: number;
  /** How often the head says whom it waits for. */
  readonly progressMs: number;
  /** Accelerators the plan needs from all members together; undefined: not known. */
  readonly devicesNeeded: number | undefined;
  /** What the head adds to a reason before anybody hears it, e.g. that no restart is left. Pure. */
  readonly lastWord?: ((ending: Ending) => Ending) | undefined;
}

/**
 * gathering: not everybody is in. assembled: all agreed, once; from here on nobody may be replaced.
 * started: the server may start; a closed stream ends the generation. over: it has ended.
 */
export type Stage = 'gathering' | 'assembled' | 'started' | 'over';

/** Somebody who was refused, and how often. */
export interface Visitor {
  readonly who: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly count: number;
  readonly at: number;
}

export interface Roll {
  readonly rules: Rules;
  readonly openedAt: number;
  readonly stage: Stage;
  readonly places: Places;
  /** Incarnations that were replaced by a newer one of the same member: they never get a seat again. */
  readonly fenced: ReadonlySet<string>;
  /** Most recent last, at most `LIMIT.visitors`. */
  readonly visitors: readonly Visitor[];
  readonly headPhase: Phase;
  readonly engine: EngineCall | undefined;
  readonly order: StartOrder | undefined;
  /** Why it ends: the first reason. Set before `over` while the head still drains for a member that was asked to stop. */
  readonly ending: Ending | undefined;
  /** Leases are counted from here at the earliest: before, our own event loop stood still and heard nobody. */
  readonly listeningSince: number;
  readonly progressAt: number;
  /** When a refusal was last logged. */
  readonly refusalLoggedAt: number;
}

export type Event =
  | { readonly on: 'hello'; readonly conn: ConnId; readonly hello: Hello }
  /** Refused before it could say hello: no token, another token, not our protocol. */
  | { readonly on: 'turned-away'; readonly who: string; readonly refusal: Refusal }
  | { readonly on: 'report'; readonly conn: ConnId; readonly phase: Phase }
  | { readonly on: 'hand-over'; readonly conn: ConnId }
  | { readonly on: 'leave'; readonly conn: ConnId; readonly ending: Ending }
  | { readonly on: 'closed'; readonly conn: ConnId }
  /** @param heard who was heard since the last tick, and when; lateMs: how much later than planned this tick comes */
  | { readonly on: 'tick'; readonly heard: ReadonlyMap<ConnId, number>; readonly lateMs: number }
  | { readonly on: 'prepare'; readonly call: EngineCall }
  | { readonly on: 'start'; readonly order: StartOrder }
  | { readonly on: 'head-phase'; readonly phase: Phase }
  | { readonly on: 'stop'; readonly ending: Ending };

export type ToMember =
  | {
      readonly say: 'welcome';
      readonly seat: Seat;
      readonly head: string;
      readonly headIncarnation: string;
      readonly headPhase: Phase;
      /** Until the head stops waiting. */
      readonly leftMs: number;
    }
  | { readonly say: 'refused'; readonly refusals: readonly [Refusal, ...Refusal[]]; readonly retry: boolean }
  | { readonly say: 'prepare'; readonly call: EngineCall }
  | { readonly say: 'start'; readonly order: StartOrder }
  | { readonly say: 'phase'; readonly phase: Phase }
  | { readonly say: 'stop'; readonly ending: Ending };

export type Effect =
  | { readonly do: 'send'; readonly to: ConnId; readonly message: ToMember }
  /** Ends the stream once everything sent on it is out. */
  | { readonly do: 'close'; readonly conn: ConnId }
  | { readonly do: 'assembled'; readonly peers: readonly Peer[] }
  | { readonly do: 'ended'; readonly ending: Ending }
  | { readonly do: 'log'; readonly level: Level; readonly message: string };

export interface Step {
  readonly roll: Roll;
  readonly effects: readonly Effect[];
}

export const stay = (roll: Roll): Step => ({ roll, effects: [] });

export const log = (level: Level, message: string): Effect => ({ do: 'log', level, message });

/** The roll with this place as it now is. */
export const withPlace = (roll: Roll, place: Place): Roll => ({ ...roll, places: roll.places.with(place) });

export const countMissing = ({ places, rules }: Roll): number => rules.worldSize - places.present;

/** Looks at every rank: not for what happens once a member. */
export const missingRanks = (roll: Roll): number[] => {
  if (countMissing(roll) === 0) return [];
  return Array.from({ length: roll.rules.worldSize }, (_, rank) => rank).filter((rank) => {
    const place = roll.places.get(rank);
    return !place || !isPresent(place);
  });
};

/** Streams of all seated members. */
export const connections = (roll: Roll): ConnId[] =>
  [...roll.places.values()].flatMap(({ conn }) => (conn === undefined ? [] : [conn]));

export const toAll = (roll: Roll, message: ToMember): Effect[] =>
  connections(roll).map((to) => ({ do: 'send', to, message }));

/** The reason is known and nobody but us has heard it yet: the members must hold their part while the head drains. */
export function announce(roll: Roll, reason: Ending): Step {
  if (roll.ending) return stay(roll);
  const given = roll.rules.lastWord?.(reason) ?? reason;
  const ending = { ...given, message: clip(given.message, LIMIT.sentence), hint: clip(given.hint, LIMIT.sentence) };
  return { roll: { ...roll, ending }, effects: [{ do: 'ended', ending }] };
}

/** Ends the generation for everybody, once: the first reason is the one all are told. */
export function end(before: Roll, given: Ending): Step {
  if (before.stage === 'over') return stay(before);
  const { roll, effects: announced } = announce(before, given);
  const ending = roll.ending ?? given;
  const effects: Effect[] = connections(roll).flatMap((conn) => [
    { do: 'send', to: conn, message: { say: 'stop', ending } },
    { do: 'close', conn },
  ]);
  return { roll: { ...roll, stage: 'over' }, effects: [...effects, ...announced] };
}
