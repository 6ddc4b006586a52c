/** What `Status` tells people and probes. Pure; holds no secrets. */
import { awaited } from './leases.ts';
import { isPresent } from './places.ts';
import type { Roll } from './roll.ts';
import type { StatusReply } from './schema.ts';

export function statusOf(roll: Roll, now: number): StatusReply {
  const ago = (at: number) => Math.max(0, Math.round(now - at));
  const places = [...roll.places.values()];
  return {
    generation: roll.rules.generation,
    worldSize: roll.rules.worldSize,
    stage: roll.stage,
    phase: roll.headPhase,
    members: places.map((place) => ({
      member: place.hello.member,
      rank: place.rank,
      incarnation: place.hello.incarnation,
      address: place.hello.address,
      phase: place.phase,
      phaseMs: ago(place.phaseSince),
      beatMs: place.rank === 0 ? 0 : ago(place.heardAt),
      connected: isPresent(place),
      devices: place.hello.devices,
    })),
    awaited: awaited(roll, now),
    refused: roll.visitors.map(({ who, code, message, count, at }) => ({ who, code, message, count, agoMs: ago(at) })),
    ageMs: ago(roll.openedAt),
    ending: roll.ending,
  };
}
