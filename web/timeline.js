/**
 * The launch of one generation as lanes, a member each, and as waits: who waited for whom, how long, at which layer.
 * Pure: moments in, numbers and names out; times are milliseconds since the first moment.
 */

/** @import { Lane, Launch, Member, Moment, Wait } from './view.d.ts' */

/** More are not drawn; the slowest stay. */
export const MAX_LANES = 32;

/** Phases in which a member's part of the engine is there. */
const ENGINE_IS_UP = ['engine-up', 'serving', 'ready', 'handed-over'];

/**
 * @param {readonly Moment[]} moments oldest first, of any generation
 * @param {{ generation: number, now: number, worldSize: number, isHead: boolean }} of `now` in milliseconds since 1970, as
 *   the moments are; a worker does not see who waits for whom
 * @returns {Launch | undefined} nothing is known of that generation
 */
export function launchOf(moments, { generation, now, worldSize, isHead }) {
  const ours = moments.filter((each) => each.generation === generation);
  const [first] = ours;
  if (!first) return undefined;
  const startedAt = first.at;
  const readyAt = ours.find(({ rank, phase, what }) => what === 'phase' && rank === 0 && phase === 'ready')?.at;
  const overAt = ours.find(({ what }) => what === 'ended')?.at;
  const end = Math.max(startedAt + 1, readyAt ?? overAt ?? now);
  const lanes = lanesOf(
    ours.filter(({ at }) => at <= end),
    end,
  ).map((lane) => since(lane, startedAt));
  const drawn = slowest(lanes);
  return {
    generation,
    startedAt,
    tookMs: end - startedAt,
    outcome: readyAt === undefined ? (overAt === undefined ? 'goes on' : 'ended') : 'ready',
    lanes: drawn,
    hidden: lanes.length - drawn.length,
    waits: isHead ? waitsOf(lanes, worldSize, end - startedAt) : [],
  };
}

/** @param {readonly Moment[]} moments @param {number} end @returns {Lane[]} by rank */
function lanesOf(moments, end) {
  /** @type {Map<string, { member: Lane['member'], rank: Lane['rank'], spans: { phase: string, from: number, to: number }[], open: boolean }>} */
  const lanes = new Map();
  for (const { at, what, member, rank, phase } of moments) {
    const key = rank === undefined ? `name ${member}` : `rank ${rank}`;
    const lane = lanes.get(key) ?? { member, rank, spans: [], open: true };
    lanes.set(key, lane);
    lane.member = member ?? lane.member;
    const last = lane.spans.at(-1);
    if (last && lane.open) last.to = at;
    lane.open = what !== 'ended';
    if (lane.open) lane.spans.push({ phase: what === 'gone' ? 'gone' : (phase ?? 'joining'), from: at, to: end });
  }
  return [...lanes.values()]
    .map(({ member, rank, spans }) => ({
      member,
      rank,
      spans: spans.filter(({ from, to }) => to > from || to === end),
    }))
    .sort((a, b) => (a.rank ?? Number.POSITIVE_INFINITY) - (b.rank ?? Number.POSITIVE_INFINITY));
}

/** @param {Lane} lane @param {number} startedAt @returns {Lane} */
const since = (lane, startedAt) => ({
  ...lane,
  spans: lane.spans.map(({ phase, from, to }) => ({ phase, from: from - startedAt, to: to - startedAt })),
});

/** @param {readonly Lane[]} lanes in their order, the quickest left out but for the first @returns {readonly Lane[]} */
function slowest(lanes) {
  if (lanes.length <= MAX_LANES) return lanes;
  const [first, ...rest] = lanes;
  const settledAt = (/** @type {Lane} */ lane) => lane.spans.at(-1)?.from ?? 0;
  const kept = new Set([first, ...rest.sort((a, b) => settledAt(b) - settledAt(a)).slice(0, MAX_LANES - 1)]);
  return lanes.filter((lane) => kept.has(lane));
}

/**
 * A launch waits three times: for the last member to come, for the last part of the engine, for the server.
 *
 * @param {readonly Lane[]} lanes @param {number} worldSize @param {number} end @returns {Wait[]} those that have begun, in that order
 */
function waitsOf(lanes, worldSize, end) {
  const head = lanes.find(({ rank }) => rank === 0);
  if (!head) return [];
  const arrived = last(lanes, (lane) => lane.spans[0]?.from);
  const isWhole = lanes.length >= worldSize;
  if (!isWhole) {
    const missing = worldSize - lanes.length;
    return [{ layer: 'rally', forWhom: [], by: lanes.map(memberOf), missing, tookMs: end, isOver: false }];
  }
  const isUp = /** @param {Lane} lane */ (lane) => reached(lane, ENGINE_IS_UP);
  const servesAt = reached(head, ['serving', 'ready']);
  const readyAt = reached(head, ['ready']);
  const wait = waitAmong(lanes);
  return [
    ...(worldSize === 1 ? [] : [wait('rally', arrived.lanes, { from: 0, to: arrived.at })]),
    wait('engine', last(lanes, isUp).lanes, { from: arrived.at, to: servesAt }, end),
    ...(servesAt === undefined ? [] : [wait('server', [head], { from: servesAt, to: readyAt }, end)]),
  ];
}

/** @param {readonly Lane[]} lanes */
const waitAmong =
  (lanes) =>
  /**
   * @param {Wait['layer']} layer @param {readonly Lane[]} whom @param {{ from: number, to: number | undefined }} time
   * @param {number} [end] of a wait that goes on @returns {Wait}
   */
  (layer, whom, { from, to }, end = 0) => ({
    layer,
    forWhom: whom.map(memberOf),
    by: lanes.filter((lane) => !whom.includes(lane)).map(memberOf),
    missing: 0,
    tookMs: Math.max(0, (to ?? end) - from),
    isOver: to !== undefined,
  });

/** When a lane came to one of these phases. @param {Lane} lane @param {readonly string[]} phases @returns {number | undefined} */
const reached = (lane, phases) => lane.spans.find(({ phase }) => phases.includes(phase))?.from;

/**
 * Whoever came last; those who have not come at all, when there are such.
 *
 * @param {readonly Lane[]} lanes @param {(lane: Lane) => number | undefined} when @returns {{ lanes: readonly Lane[], at: number }}
 */
function last(lanes, when) {
  const open = lanes.filter((lane) => when(lane) === undefined);
  if (open.length > 0) return { lanes: open, at: Number.POSITIVE_INFINITY };
  const at = Math.max(...lanes.map((lane) => when(lane) ?? 0));
  return { lanes: lanes.filter((lane) => when(lane) === at).slice(0, 1), at };
}

/** @param {Lane} lane @returns {Member} */
const memberOf = ({ member, rank }) => ({ member, rank });
