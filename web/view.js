/**
 * What the page shows, from what `/status` answers. Pure: no clock, no document; the answer's own time is the time.
 * What peers said (names, sentences) stays text here and becomes text nodes later, never markup.
 */
import { launchOf } from './timeline.js';
import { counted, duration, meaningOf } from './words.js';

/** @import { AwaitedRow, Beat, Fact, FaultRow, Member, Names, Status, Tile, TileState, View } from './view.d.ts' */

/** More members are counted, not shown; those in trouble come first. */
export const MAX_TILES = 128;
/** Sentences of one announcement. */
const MAX_NEWS = 4;

/** @typedef {NonNullable<Status['members']>[number]} MemberStatus */

/** @param {unknown} answer @returns {answer is Status} */
export const isStatus = (answer) => typeof answer === 'object' && answer !== null && 'v' in answer && answer.v === 1;

/**
 * The names of all ranks that were heard of until now.
 *
 * @param {Names} names @param {Status} status @returns {Names}
 */
export function remembered(names, { rank, member, members = [] }) {
  const heard = new Map(names);
  if (rank !== undefined && member !== undefined) heard.set(rank, member);
  for (const each of members) heard.set(each.rank, each.member);
  return heard;
}

/** @param {Status} status @param {Names} names @returns {View} */
export function viewOf(status, names) {
  const { member = '?', role, rank, ready, ending, worldSize = 1, generation = 0, awaited = [] } = status;
  const now = Date.parse(status.at ?? '') || 0;
  const state = ready?.yes ? 'ready' : ending ? 'over' : 'waiting';
  const all = tilesOf(status, names);
  const tiles = shown(all);
  const moments = (status.timeline ?? []).map((each) => ({ ...each, at: Date.parse(each.at) }));
  return {
    title: `${WORDS[state].toLowerCase()} · ${member}`,
    who: rank === undefined ? member : `${member} (rank ${rank})`,
    state,
    word: WORDS[state],
    why: ready?.yes ? undefined : ready?.why,
    generation,
    facts: factsOf(status),
    awaited: awaited.map((each) => awaitedRow(each, now)),
    tiles,
    more:
      tiles.length < all.length
        ? `${counted(all.length - tiles.length, 'more member')}: ${statesOf(all, tiles)}`
        : undefined,
    elsewhere: role === 'head' ? undefined : elsewhere(status),
    launch: launchOf(moments, { generation, now, worldSize, isHead: role === 'head' }),
    faults: (status.faults ?? []).map((fault) => faultRow(fault, now)).reverse(),
  };
}

const WORDS = /** @type {const} */ ({ ready: 'Ready', waiting: 'Not ready', over: 'Ended' });

/** @param {Status} status @returns {Fact[]} */
function factsOf({ runtime, engine, worldSize, upMs, restarts = 0, restartLimit, shards, members, headPhase, role }) {
  const devices = members?.reduce((sum, each) => sum + (each.devices ?? 0), 0);
  const limit = restartLimit === undefined ? '' : `, at most ${restartLimit} within the window`;
  return [
    ['Runtime', runtime],
    ['Engine', engine],
    ['Members', worldSize === undefined ? undefined : String(worldSize)],
    ['Head is at', role === 'head' ? undefined : (headPhase ?? 'not heard yet')],
    ['Devices', devices ? `${devices}${shards ? ` for ${counted(shards, 'shard')}` : ''}` : undefined],
    ['Restarts', `${restarts}${limit}`],
    ['Up', upMs === undefined ? undefined : duration(upMs)],
  ].flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [{ name, value }]));
}

/** @param {Status} status */
function elsewhere({ headAddress, worldSize = 1 }) {
  if (worldSize === 1) return undefined;
  const where = headAddress === undefined ? '' : `, at ${headAddress}`;
  return `This is a worker: it knows itself. The page of the head${where}, shows all ${worldSize} members.`;
}

/** Everybody by rank, those not in yet too. @param {Status} status @param {Names} names @returns {Tile[]} */
function tilesOf(status, names) {
  const { role, member, rank, phase, phaseMs, worldSize = 1, members } = status;
  const self = { member: member ?? '?', rank: rank ?? 0, phase, phaseMs, connected: true };
  if (role !== 'head') return [tileOf({ ...self, rank: rank ?? -1 }, status)];
  const present = new Map((members ?? [self]).map((each) => [each.rank, each]));
  return Array.from({ length: worldSize }, (_, place) => {
    const there = present.get(place);
    return there ? tileOf(there, status) : absentTile(place, names.get(place));
  });
}

/** @param {MemberStatus} member @param {Status} status @returns {Tile} */
function tileOf({ member, rank, connected = true, devices, address, incarnation, ...heard }, status) {
  const isGone = !connected && heard.phase !== 'handed-over';
  const phase = isGone ? 'gone' : (heard.phase ?? 'joining');
  return {
    key: rank < 0 ? 'self' : `rank ${rank}`,
    name: member,
    rank: rank < 0 ? undefined : rank,
    isSelf: member === status.member && (status.rank === undefined || rank === status.rank),
    state: stateOf(phase, rank === 0),
    phase,
    meaning: rank === 0 && phase === 'serving' ? 'its server loads' : meaningOf(phase),
    since: heard.phaseMs === undefined ? undefined : duration(heard.phaseMs),
    beat: rank <= 0 ? undefined : beatOf(heard.beatMs, status.leaseMs),
    facts: [
      ['Devices', devices === undefined ? undefined : shareOf(devices, status)],
      ['Address', address],
      ['Incarnation', incarnation],
    ].flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [{ name, value }])),
  };
}

/** Shards are spread evenly where every device holds one. @param {number} devices @param {Status} status */
function shareOf(devices, { shards, members = [] }) {
  const all = members.reduce((sum, each) => sum + (each.devices ?? 0), 0);
  return shards !== undefined && shards > 1 && all === shards ? `${devices} of ${all}, a shard each` : String(devices);
}

/** @param {number} rank @param {string | undefined} name @returns {Tile} */
const absentTile = (rank, name) => ({
  key: `rank ${rank}`,
  name: name ?? 'nobody yet',
  rank,
  isSelf: false,
  state: 'absent',
  phase: 'absent',
  meaning: name === undefined ? meaningOf('absent') : 'was in before, is awaited',
  since: undefined,
  beat: undefined,
  facts: [],
});

/** A worker is done once it serves, the head once a request was answered. @param {string} phase @param {boolean} isHead @returns {TileState} */
function stateOf(phase, isHead) {
  if (phase === 'gone') return 'bad';
  if (phase === 'ready' || phase === 'handed-over') return 'well';
  return phase === 'serving' && !isHead ? 'well' : 'busy';
}

/** @param {number | undefined} beatMs @param {number | undefined} leaseMs @returns {Beat | undefined} */
function beatOf(beatMs, leaseMs) {
  if (beatMs === undefined || !leaseMs) return undefined;
  const left = Math.min(1, Math.max(0, 1 - beatMs / leaseMs));
  return { words: `heard ${duration(beatMs)} ago; lost after ${duration(leaseMs)}`, left };
}

const TROUBLED = /** @type {const} */ (['bad', 'absent', 'busy', 'well']);

/** @param {readonly Tile[]} all @returns {readonly Tile[]} by rank; of too many those in trouble */
function shown(all) {
  if (all.length <= MAX_TILES) return all;
  const urgency = (/** @type {Tile} */ { rank, state }) => (rank === 0 ? -1 : TROUBLED.indexOf(state));
  const kept = new Set([...all].sort((a, b) => urgency(a) - urgency(b)).slice(0, MAX_TILES));
  return all.filter((tile) => kept.has(tile));
}

/** @param {readonly Tile[]} all @param {readonly Tile[]} tiles */
function statesOf(all, tiles) {
  const kept = new Set(tiles);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const tile of all) if (!kept.has(tile)) counts.set(tile.phase, (counts.get(tile.phase) ?? 0) + 1);
  return [...counts].map(([phase, count]) => `${count} ${phase}`).join(', ');
}

/** @param {NonNullable<Status['awaited']>[number]} awaited @param {number} now @returns {AwaitedRow} */
const awaitedRow = ({ member, rank, layer = '', since = '', detail = '' }, now) => ({
  who: nameOf({ member, rank }),
  layer,
  since: duration(now - (Date.parse(since) || now)),
  detail,
});

/** @param {Member} member */
export function nameOf({ member, rank }) {
  if (rank === undefined) return member ?? 'somebody';
  return member === undefined ? (rank === 0 ? 'the head' : `rank ${rank}`) : `${member} (rank ${rank})`;
}

/** @param {NonNullable<Status['faults']>[number]} fault @param {number} now @returns {FaultRow} */
const faultRow = ({ at, generation, code, status, sentence, hint, culprit }, now) => ({
  key: `${at} ${code}`,
  at: Date.parse(at),
  ago: `${duration(now - Date.parse(at))} ago`,
  sentence,
  code: status === undefined ? code : `${code}, exit status ${status}`,
  culprit,
  hint,
  generation,
});

/**
 * What a screen reader is told between two views: who came, went or got ready; never that time has passed.
 *
 * @param {View | undefined} before @param {View} after @returns {string} '' when there is nothing to tell
 */
export function newsOf(before, after) {
  if (!before) return '';
  const was = new Map(before.tiles.map((tile) => [tile.key, tile]));
  const faults = new Set(before.faults.map(({ key }) => key));
  const news = [
    ...after.faults.filter(({ key }) => !faults.has(key)).map(({ sentence }) => `Fault: ${sentence}.`),
    ...(after.generation === before.generation ? [] : [`Generation ${after.generation} begins.`]),
    ...(after.state === before.state ? [] : [`The group is ${WORDS[after.state].toLowerCase()}.`]),
    ...after.tiles.flatMap(({ key, name, phase, state }) =>
      was.get(key)?.state === state ? [] : [`${name}: ${phase === 'absent' ? 'is not in' : phase}.`],
    ),
  ];
  const told = news.slice(0, MAX_NEWS);
  return news.length > told.length
    ? `${told.join(' ')} And ${counted(news.length - told.length, 'more change')}.`
    : told.join(' ');
}
