/** What the head does when a member says hello: refuse, seat, give back its seat, or fence its older self. Pure. */
import type { Refusal } from '../../errors.ts';
import { devicesShort, disagreements } from './agreement.ts';
import { lost } from './endings.ts';
import type { Known, Place } from './places.ts';
import type { Hello, Peer } from './rally.ts';
import {
  type ConnId,
  countMissing,
  type Effect,
  end,
  log,
  missingRanks,
  type Roll,
  type Step,
  withPlace,
} from './roll.ts';
import { seatFor } from './seats.ts';
import { noteRefusal } from './visitors.ts';
import { members, rankList } from './words.ts';

export interface Arrival {
  readonly conn: ConnId;
  readonly hello: Hello;
}

export function arrive(roll: Roll, arrival: Arrival, now: number): Step {
  const { hello, conn } = arrival;
  if (roll.stage === 'over') return later(roll, conn);
  const seated = roll.places.of(conn);
  if (seated && seated.hello.member !== hello.member) return refuse(roll, arrival, [twoNames(seated, hello)], now);
  if (roll.fenced.has(hello.incarnation)) return refuse(roll, arrival, [fencedOut(hello)], now);
  const [first, ...rest] = disagreements(roll.rules.self, hello);
  if (first) return refuse(roll, arrival, [first, ...rest], now);
  return roll.stage === 'gathering' ? takeSeat(roll, arrival, now) : comeBack(roll, arrival, now);
}

function takeSeat(roll: Roll, { conn, hello }: Arrival, now: number): Step {
  const seating = seatFor(roll, hello);
  if ('refusal' in seating) return refuse(roll, { conn, hello }, [seating.refusal], now);
  const before = roll.places.named(hello.member);
  const fence = fenceOlder(before, { conn, hello });
  const seated: Roll = {
    ...roll,
    places: before ? roll.places.without(before.rank) : roll.places,
    fenced:
      before && !isSameLife(before.hello, hello) ? new Set(roll.fenced).add(before.hello.incarnation) : roll.fenced,
    visitors: roll.visitors.filter(({ who }) => !who.startsWith(`${hello.member} at `)),
  };
  const phase = before && isSameLife(before.hello, hello) ? before.phase : 'joined';
  const next = withPlace(seated, { ...newPlace(seating.rank, { conn, hello }, now), phase });
  const repeated = before?.conn === conn && before.rank === seating.rank;
  const line = log('info', `${hello.member} at ${hello.address} is in as rank ${seating.rank}; ${stillMissing(next)}`);
  const step = { roll: next, effects: [...fence, ...welcome(next, conn, now), ...(repeated ? [] : [line])] };
  return countMissing(next) === 0 ? assemble(step) : step;
}

/** Ranks are listed only where that does not make a thousand arrivals look at a thousand ranks each. */
function stillMissing(roll: Roll): string {
  const count = countMissing(roll);
  if (count === 0) return 'all are in';
  return count <= LISTED ? `missing: ${rankList(missingRanks(roll))}` : `${count} are missing`;
}

const LISTED = 16;

/** After everybody agreed, only the very same incarnation may come back: its stream broke, the process lives. */
function comeBack(roll: Roll, arrival: Arrival, now: number): Step {
  const { conn, hello } = arrival;
  const place = roll.places.named(hello.member);
  if (!place || place.rank === 0) return refuse(roll, arrival, [complete(roll, hello)], now);
  if (!isSameLife(place.hello, hello)) {
    const over = end(roll, lost(roll, place, 'was restarted while the group was running'));
    return { roll: over.roll, effects: [...over.effects, ...later(over.roll, conn).effects] };
  }
  const next = withPlace(roll, { ...place, conn, heardAt: now, lostAt: undefined });
  const closeOld: Effect[] = place.conn === undefined || place.conn === conn ? [] : [{ do: 'close', conn: place.conn }];
  return { roll: next, effects: [...closeOld, ...welcome(next, conn, now)] };
}

const isSameLife = (one: Known, other: Known): boolean => one.incarnation === other.incarnation;

const known = ({ member, incarnation, address, devices }: Hello): Known => ({ member, incarnation, address, devices });

const newPlace = (rank: number, { conn, hello }: Arrival, now: number): Place => ({
  rank,
  hello: known(hello),
  conn,
  phase: 'joined',
  phaseSince: now,
  heardAt: now,
  lostAt: undefined,
});

/** The older process of a member is told that it has been replaced; an older stream of the same process just closes. */
function fenceOlder(before: Place | undefined, { conn, hello }: Arrival): Effect[] {
  if (!before || before.conn === conn) return [];
  const close: Effect[] = before.conn === undefined ? [] : [{ do: 'close', conn: before.conn }];
  if (isSameLife(before.hello, hello)) return close;
  const line = log(
    'warn',
    `${hello.member} came back as a new process (${hello.incarnation}) at ${hello.address}; the older one (${before.hello.incarnation}) at ${before.hello.address} is fenced`,
  );
  if (before.conn === undefined) return [line];
  const refusals = [fencedOut(before.hello, hello)] as const;
  return [{ do: 'send', to: before.conn, message: { say: 'refused', refusals, retry: false } }, ...close, line];
}

function welcome(roll: Roll, to: ConnId, now: number): Effect[] {
  const { worldSize, generation, beatMs, leaseMs, timeoutMs, self } = roll.rules;
  const rank = roll.places.of(to)?.rank ?? 0;
  const leftMs = Math.max(0, Math.round(roll.openedAt + timeoutMs - now));
  const seat = { rank, worldSize, generation, beatMs, leaseMs };
  const head = { head: self.member, headIncarnation: self.incarnation, headPhase: roll.headPhase };
  return [
    { do: 'send', to, message: { say: 'welcome', seat, ...head, leftMs } },
    ...(roll.engine ? [{ do: 'send', to, message: { say: 'prepare', call: roll.engine } } as const] : []),
    ...(roll.order ? [{ do: 'send', to, message: { say: 'start', order: roll.order } } as const] : []),
  ];
}

/** Everybody is in: the group is formed, unless it cannot hold the plan. */
export function assemble({ roll, effects }: Step): Step {
  const short = devicesShort(roll);
  if (short) {
    const over = end(roll, short);
    return { roll: over.roll, effects: [...effects, ...over.effects] };
  }
  const peers = peersOf(roll);
  const line = log(
    'info',
    `all ${members(peers.length)} are in: ${peers
      .slice(0, 32)
      .map(({ rank, member }) => `${rank} ${member}`)
      .join(', ')}`,
  );
  return { roll: { ...roll, stage: 'assembled' }, effects: [...effects, { do: 'assembled', peers }, line] };
}

/** Index = rank. */
export const peersOf = (roll: Roll): Peer[] =>
  [...roll.places.values()].map(({ rank, hello: { member, incarnation, address, devices } }) => ({
    member,
    incarnation,
    rank,
    address,
    devices,
  }));

function refuse(roll: Roll, { conn, hello }: Arrival, refusals: readonly [Refusal, ...Refusal[]], now: number): Step {
  const noted = noteRefusal(roll, { who: `${hello.member} at ${hello.address}`, refusal: refusals[0] }, now);
  const said: Effect[] = [
    { do: 'send', to: conn, message: { say: 'refused', refusals, retry: false } },
    { do: 'close', conn },
  ];
  return { roll: noted.roll, effects: [...said, ...noted.effects] };
}

/** The generation is over and the next one not yet open: come again. */
function later(roll: Roll, conn: ConnId): Step {
  const message = `generation ${roll.rules.generation} is over: ${roll.ending?.message ?? 'the head is stopping'}`;
  const refusal: Refusal = {
    code: roll.ending?.code ?? 'GROUP_LOST',
    message,
    hint: 'The next generation is asked for.',
  };
  return {
    roll,
    effects: [
      { do: 'send', to: conn, message: { say: 'refused', refusals: [refusal], retry: true } },
      { do: 'close', conn },
    ],
  };
}

const twoNames = (seated: Place, hello: Known): Refusal => ({
  code: 'PROTOCOL',
  message: `one stream said two names: ${seated.hello.member}, then ${hello.member}`,
  hint: 'Report this as a bug of muster.',
});

const fencedOut = (hello: Known, newer?: Known): Refusal => ({
  code: 'FENCED',
  message: `${hello.member} (incarnation ${hello.incarnation}) was replaced by a newer process of the same name${newer ? ` (incarnation ${newer.incarnation}) at ${newer.address}` : ''}`,
  hint: 'Nothing to do when the machine was restarted; otherwise two machines share one name: give each its own.',
});

const complete = (roll: Roll, hello: Hello): Refusal => ({
  code: 'RANK_TAKEN',
  message: `no seat for ${hello.member} at ${hello.address}: the group of ${members(roll.rules.worldSize)} is complete and has begun generation ${roll.rules.generation}`,
  hint: 'Start as many machines as the group has members; a member keeps its name when it is restarted.',
});
