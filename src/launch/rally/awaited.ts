/** Whom the head waits for, member by member, and what happened to one. Pure. */
import { awaited as awaitedLine } from './leases.ts';
import { LIMIT } from './limits.ts';
import type { Place } from './places.ts';
import type { Awaited, News, Waiting } from './rally.ts';
import { type ConnId, type Event, missingRanks, type Roll, type Step } from './roll.ts';
import { layerOf } from './visitors.ts';

/** Undefined: nobody is missing, or the group is over. */
export function headWaits(roll: Roll, now: number): Waiting | undefined {
  if (roll.stage !== 'gathering' || roll.ending) return undefined;
  const missing = missingRanks(roll).slice(0, LIMIT.missingRanks);
  const refused = roll.visitors.map(
    ({ who, code, message, at }): Awaited => ({
      member: who,
      rank: undefined,
      layer: layerOf(code),
      since: at,
      detail: `refused: ${code}: ${message}`,
    }),
  );
  return { line: awaitedLine(roll, now), awaited: [...missing.map((rank) => absent(roll, rank)), ...refused] };
}

function absent({ places, openedAt }: Roll, rank: number): Awaited {
  const place = places.get(rank);
  return {
    member: place?.hello.member,
    rank,
    layer: 'rally',
    since: place?.lostAt ?? openedAt,
    detail: place ? 'was in, and is gone; its seat is kept' : 'has not reported yet',
  };
}

/** What one step changed for workers; nothing once the group is over, for then all of them go. */
export function newsOf(before: Roll, { roll: after, effects }: Step, event: Event): readonly News[] {
  if (after.stage === 'over') return [];
  const closed = effects.flatMap((effect) => (effect.do === 'close' ? [effect.conn] : []));
  const touched = new Set<ConnId>([...closed, ...('conn' in event ? [event.conn] : [])]);
  return [...touched].flatMap((conn) => change(before.places.of(conn), after.places.of(conn)));
}

function change(was: Place | undefined, is: Place | undefined): News[] {
  const place = is ?? was;
  if (!place || was?.phase === is?.phase) return [];
  const what = is === undefined ? 'gone' : was === undefined ? 'arrived' : 'phase';
  return [{ what, member: place.hello.member, rank: place.rank, phase: place.phase }];
}
