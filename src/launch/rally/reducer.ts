/**
 * The head's decisions: (roll, event, now) to (roll, effects). Pure, so that every schedule can be played in a test.
 *
 * Repeated and reordered words change nothing; the first reason to end wins; whoever is told is told the same.
 */
import { arrive, assemble } from './arrival.ts';
import { askedToStop, lost } from './endings.ts';
import { tick } from './leases.ts';
import { isPresent, Places } from './places.ts';
import type { Ending, Phase, StartOrder } from './rally.ts';
import {
  announce,
  type ConnId,
  type Event,
  end,
  log,
  type Roll,
  type Rules,
  type Step,
  stay,
  toAll,
  withPlace,
} from './roll.ts';
import { noteRefusal } from './visitors.ts';

/** The head alone, waiting; a group of one is complete at once. */
export function open(rules: Rules, now: number): Step {
  const head = {
    rank: 0,
    hello: rules.self,
    conn: undefined,
    phase: 'joined',
    phaseSince: now,
    heardAt: now,
    lostAt: undefined,
  } as const;
  const roll: Roll = {
    rules,
    openedAt: now,
    stage: 'gathering',
    places: new Places().with(head),
    fenced: new Set(),
    visitors: [],
    headPhase: 'joined',
    engine: undefined,
    order: undefined,
    ending: undefined,
    listeningSince: now,
    progressAt: now,
    refusalLoggedAt: Number.NEGATIVE_INFINITY,
  };
  return rules.worldSize === 1 ? assemble(stay(roll)) : stay(roll);
}

export function reduce(roll: Roll, event: Event, now: number): Step {
  switch (event.on) {
    case 'hello':
      return arrive(roll, event, now);
    case 'turned-away':
      return noteRefusal(roll, event, now);
    case 'report':
      return report(roll, event, now);
    case 'hand-over':
      return report(roll, { conn: event.conn, phase: 'handed-over' }, now);
    case 'leave':
      return leave(roll, event);
    case 'closed':
      return closed(roll, event.conn, now);
    case 'tick':
      return tick(roll, event, now);
    case 'prepare':
      return { roll: { ...roll, engine: event.call }, effects: toAll(roll, { say: 'prepare', call: event.call }) };
    case 'start':
      return start(roll, event.order);
    case 'head-phase':
      return headPhase(roll, event.phase, now);
    case 'stop':
      return end(roll, event.ending);
  }
}

function report(roll: Roll, { conn, phase }: { conn: ConnId; phase: Phase }, now: number): Step {
  const place = roll.places.of(conn);
  if (!place || place.phase === phase || place.phase === 'handed-over') return stay(roll);
  const next = withPlace(roll, { ...place, phase, phaseSince: now });
  // Nobody is told to stop yet: the head drains its server first, and for that the member's part must stay up.
  if (phase === 'stopping' && roll.stage === 'started') return announce(next, askedToStop(roll, place));
  return { roll: next, effects: [] };
}

/** A member that goes with a reason ends the group with it; before the group is formed it only frees its seat. */
function leave(roll: Roll, { conn, ending }: { conn: ConnId; ending: Ending }): Step {
  const place = roll.places.of(conn);
  if (!place || roll.stage === 'over') return { roll, effects: [{ do: 'close', conn }] };
  const who = `${place.hello.member} (rank ${place.rank})`;
  if (roll.stage !== 'gathering') return end(roll, { ...ending, culprit: ending.culprit ?? place.hello.member });
  const line = log('warn', `${who} left before the group was complete: ${ending.code}: ${ending.message}`);
  return { roll: { ...roll, places: roll.places.without(place.rank) }, effects: [{ do: 'close', conn }, line] };
}

function closed(roll: Roll, conn: ConnId, now: number): Step {
  const place = roll.places.of(conn);
  if (!place) return stay(roll);
  const next = withPlace(roll, { ...place, conn: undefined, lostAt: now });
  if (roll.stage === 'over' || place.phase === 'handed-over') return stay(next);
  if (roll.stage === 'started') return end(next, lost(roll, place, 'closed its connection'));
  const line = log('warn', `${place.hello.member} (rank ${place.rank}) closed its connection; its seat is kept`);
  return { roll: next, effects: [line] };
}

function start(roll: Roll, order: StartOrder): Step {
  if (roll.stage !== 'assembled') return stay(roll);
  const next: Roll = { ...roll, stage: 'started', order: forWorkers(order) };
  const away = [...next.places.values()].find((place) => !isPresent(place) && place.phase !== 'handed-over');
  if (away) return end(next, lost(roll, away, 'closed its connection'));
  return { roll: next, effects: next.order ? toAll(next, { say: 'start', order: next.order }) : [] };
}

/** Every member dials the head; a list of all to each of them would be a million peers for a thousand. */
const forWorkers = (order: StartOrder): StartOrder => ({
  ...order,
  peers: order.peers.filter(({ rank }) => rank === 0),
});

function headPhase(roll: Roll, phase: Phase, now: number): Step {
  const head = roll.places.get(0);
  if (!head || roll.headPhase === phase) return stay(roll);
  const next = withPlace({ ...roll, headPhase: phase }, { ...head, phase, phaseSince: now });
  return { roll: next, effects: toAll(next, { say: 'phase', phase }) };
}

const ORDER: readonly Phase[] = ['joining', 'joined', 'engine', 'engine-up', 'serving', 'ready', 'handed-over'];

/** Whether every worker reported this phase or a later one. A member that is stopping has reached nothing. */
export function reached(roll: Roll, phase: Phase): boolean {
  const enough: readonly Phase[] = phase === 'stopping' ? [phase] : ORDER.slice(ORDER.indexOf(phase));
  return roll.places.countIn(enough) === roll.rules.worldSize - 1;
}
