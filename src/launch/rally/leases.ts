/** What time does: leases run out, the wait ends, the waiting is told. Pure. */
import { lost, timedOut, whoIsMissing } from './endings.ts';
import type { Place } from './places.ts';
import { type ConnId, type Effect, end, log, type Roll, type Step, stay, withPlace } from './roll.ts';
import { visitorsList } from './visitors.ts';
import { seconds } from './words.ts';

export interface Tick {
  readonly heard: ReadonlyMap<ConnId, number>;
  /** How much later than planned this tick comes: our own event loop stood still that long. */
  readonly lateMs: number;
}

export function tick(before: Roll, { heard, lateMs }: Tick, now: number): Step {
  const heardOf = listen(before, heard, now);
  if (heardOf.stage === 'over') return stay(heardOf);
  // Our own stall must kill nobody: what the members said meanwhile has not been read yet. All leases begin anew.
  const roll = lateMs > heardOf.rules.beatMs ? { ...heardOf, listeningSince: now } : heardOf;
  const step = expire(roll, now);
  if (step.roll.stage !== 'gathering') return step;
  if (now - roll.openedAt >= roll.rules.timeoutMs) {
    const over = end(step.roll, timedOut(step.roll, now));
    return { roll: over.roll, effects: [...step.effects, ...over.effects] };
  }
  return progress(step, now);
}

function listen(roll: Roll, heard: ReadonlyMap<ConnId, number>, now: number): Roll {
  let { places } = roll;
  for (const [conn, at] of heard) {
    const place = places.of(conn);
    if (place && at > place.heardAt) places = places.with({ ...place, heardAt: Math.min(at, now) });
  }
  return places === roll.places ? roll : { ...roll, places };
}

function expire(roll: Roll, now: number): Step {
  const { rules, listeningSince } = roll;
  const isTooLong = (since: number) => now - Math.max(since, listeningSince) > rules.leaseMs;
  const watched = [...roll.places.values()].filter(({ rank, phase }) => rank !== 0 && phase !== 'handed-over');
  const silent = watched.filter(({ conn, heardAt }) => conn !== undefined && isTooLong(heardAt));
  if (roll.stage === 'gathering') return silent.reduce((step, place) => vacate(step, place, now), stay(roll));
  const [first] = silent;
  if (first) return end(roll, lost(roll, first, `stopped beating ${seconds(now - first.heardAt)} ago`));
  const gone = watched.find(({ conn, lostAt }) => conn === undefined && lostAt !== undefined && isTooLong(lostAt));
  if (!gone) return stay(roll);
  return end(
    roll,
    lost(roll, gone, `closed its connection ${seconds(now - (gone.lostAt ?? now))} ago and did not come back`),
  );
}

/**
 * Whether a member has missed a beat, and may be found lost soon: its lease says which. After a stall of our own all are
 * silent, until what they said meanwhile has been read.
 */
export function mayBeSilent({ rules, places, stage }: Roll, now: number): boolean {
  const isLate = ({ rank, conn, phase, heardAt }: Place) =>
    rank !== 0 && conn !== undefined && phase !== 'handed-over' && now - heardAt > LATE_BEATS * rules.beatMs;
  return stage !== 'over' && [...places.values()].some(isLate);
}

/** A beat is heard at the next tick, and may be late itself. */
const LATE_BEATS = 1.5;

/** Before the group is formed nothing is lost with a member: its place is kept, the wait goes on. */
function vacate({ roll, effects }: Step, place: Place, now: number): Step {
  const silent = `${place.hello.member} (rank ${place.rank}) stopped beating ${seconds(now - place.heardAt)} ago; its seat is kept`;
  const close: Effect[] = place.conn === undefined ? [] : [{ do: 'close', conn: place.conn }];
  const next = withPlace(roll, { ...place, conn: undefined, lostAt: now });
  return { roll: next, effects: [...effects, ...close, log('warn', silent)] };
}

function progress({ roll, effects }: Step, now: number): Step {
  if (now - roll.progressAt < roll.rules.progressMs) return { roll, effects };
  return { roll: { ...roll, progressAt: now }, effects: [...effects, log('info', awaited(roll, now))] };
}

/** What the head waits for, as one line. */
export function awaited(roll: Roll, now: number): string {
  if (roll.stage === 'over') return `over: ${roll.ending?.message ?? ''}`;
  if (roll.ending) return `the head, which drains: ${roll.ending.message}`;
  if (roll.stage === 'started') return 'nothing: the group has started';
  if (roll.stage === 'assembled') return 'the engine: all members are in';
  const refused = roll.visitors.length > 0 ? `; refused: ${visitorsList(roll, now)}` : '';
  const next =
    roll.visitors.length > 0 ? 'correct what the refused differ in' : 'look at the logs of the missing members';
  const waited = `waiting ${seconds(now - roll.openedAt)} of ${seconds(roll.rules.timeoutMs)}`;
  return `${waited}: ${whoIsMissing(roll, now)}${refused}; next step: ${next}`;
}
