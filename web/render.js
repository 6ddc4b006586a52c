/** Puts a view on the page. Every text of a peer goes through `h`, which makes text nodes only. */
import { byId, h, named, show, showIf } from './dom.js';
import { nameOf } from './view.js';
import { clock, duration, PHASES } from './words.js';

/** @import { Fact, FaultRow, Lane, Launch, Member, Tile, View, Wait } from './view.d.ts' */

/** Beside the colour, for who does not see it. */
const SIGNS = /** @type {const} */ ({
  well: '✓',
  busy: '…',
  bad: '✕',
  absent: '–',
  ready: '✓',
  waiting: '…',
  over: '✕',
});
/** Names of members in one cell. */
const MAX_NAMES = 4;
/** Of the launch, in percent: a shorter span has no room for its word. */
const ROOM_FOR_A_WORD = 9;
const TICKS = 4;

/** @param {View} view @param {boolean} isStale what is shown is the last that was heard */
export function render(view, isStale) {
  document.title = `${isStale ? 'lost · ' : ''}${view.title} · muster`;
  show('who', view.who);
  byId('state').className = isStale ? 'stale' : view.state;
  const words = `${view.word}, generation ${view.generation}`;
  show(
    'state',
    h('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[view.state]),
    isStale ? `Last known: ${words}` : words,
  );
  show('why', view.why);
  showIf('why', view.why !== undefined);
  show('facts', ...facts(view.facts));
  show(
    'awaited',
    ...view.awaited.map(({ who, layer, since, detail }) =>
      h('li', {}, named(who), ` at ${layer}, for ${since}: ${detail}`),
    ),
  );
  showIf('awaited-part', view.awaited.length > 0);
  show('tiles', ...view.tiles.map(tile));
  for (const part of /** @type {const} */ (['more', 'elsewhere'])) {
    show(part, view[part]);
    showIf(part, view[part] !== undefined);
  }
  if (view.launch) launch(view.launch);
  showIf('launch-part', view.launch !== undefined);
  show('faults', ...view.faults.map(fault));
  showIf('no-faults', view.faults.length === 0);
}

/** @param {readonly Fact[]} rows */
const facts = (rows) =>
  rows.map(({ name, value }) => h('div', {}, h('dt', {}, name), h('dd', {}, h('bdi', {}, value))));

/** @param {Tile} tile */
function tile({ key, name, rank, isSelf, state, phase, meaning, since, beat, facts: rows }) {
  const place = rank === undefined ? 'no rank yet' : rank === 0 ? 'rank 0, the head' : `rank ${rank}`;
  return h(
    'li',
    { 'data-key': key, class: `tile ${state}` },
    h('h3', {}, named(name)),
    h('p', { class: 'rank' }, `${place}${isSelf ? ', asked here' : ''}`),
    h(
      'p',
      { class: 'phase' },
      h('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[state]),
      h('strong', {}, phase),
      since ? ` for ${since}` : '',
    ),
    h('p', { class: 'meaning' }, meaning),
    beat && h('p', { class: 'beat' }, beat.words),
    beat &&
      h('meter', {
        min: 0,
        max: 1,
        low: 0.25,
        high: 0.5,
        optimum: 1,
        value: beat.left.toFixed(2),
        'aria-label': `lease left of ${name}`,
      }),
    rows.length > 0 && h('dl', {}, ...facts(rows)),
  );
}

/** @param {Launch} launch */
function launch({ generation, startedAt, tookMs, outcome, lanes, hidden, waits }) {
  const took = duration(tookMs);
  const so = {
    ready: `was ready after ${took}`,
    ended: `ended after ${took}, before it was ready`,
    'goes on': `goes on for ${took}`,
  }[outcome];
  const left = hidden > 0 ? ` ${hidden} more members are not drawn; the slowest are.` : '';
  show('launch-words', `Generation ${generation} began at ${clock(startedAt)} and ${so}.${left}`);
  show('chart', ...lanes.map((each) => bar(each, tookMs)), axis(tookMs));
  const drawn = new Set(lanes.flatMap(({ spans }) => spans.filter(isSeen).map(({ phase }) => phase)));
  const phases = PHASES.filter((phase) => drawn.has(phase));
  show('legend', ...phases.map((phase) => h('li', {}, h('span', { class: `swatch ${phase}` }), phase)));
  show('spans', ...lanes.flatMap((lane) => rows(lane, tookMs)));
  show('waits', ...waits.map(wait));
  showIf('waits-part', waits.length > 0);
}

/** @param {Lane} lane @param {number} tookMs */
function bar(lane, tookMs) {
  const percent = (/** @type {number} */ ms) => (100 * ms) / tookMs;
  const parts = lane.spans.filter(isSeen).flatMap(({ phase, from, to }) => {
    const [x, width] = [percent(from), percent(to - from)];
    const rect = h('rect', { class: phase, x: `${x.toFixed(2)}%`, width: `${width.toFixed(2)}%`, height: '100%' });
    return width < ROOM_FOR_A_WORD ? [rect] : [rect, h('text', { x: `${(x + 0.8).toFixed(2)}%`, y: '70%' }, phase)];
  });
  return h(
    'div',
    { class: 'lane' },
    h('span', { class: 'lane-name' }, named(lane.member ?? nameOf(lane))),
    h('svg', {}, ...parts),
  );
}

/** @param {number} tookMs */
function axis(tookMs) {
  const marks = Array.from({ length: TICKS + 1 }, (_, at) => at / TICKS).map((part) => {
    const anchor = part === 0 ? 'start' : part === 1 ? 'end' : 'middle';
    return h('text', { x: `${100 * part}%`, y: '80%', 'text-anchor': anchor }, duration(tookMs * part));
  });
  return h('div', { class: 'lane axis' }, h('span', { class: 'lane-name' }), h('svg', {}, ...marks));
}

/** What a launch ends with takes no time of it. @param {{ from: number, to: number }} span */
const isSeen = ({ from, to }) => to > from;

/** @param {Lane} lane @param {number} tookMs */
const rows = (lane, tookMs) =>
  lane.spans.map(({ phase, from, to }) => {
    const cells = [phase, duration(from), to === tookMs ? 'to the end' : duration(to - from)];
    return h('tr', {}, h('th', { scope: 'row' }, named(nameOf(lane))), ...cells.map((text) => h('td', {}, text)));
  });

/** @param {Wait} wait */
function wait({ layer, forWhom, by, missing, tookMs, isOver }) {
  const awaited =
    missing > 0 ? `${missing} not in yet` : layer === 'server' ? `the server of ${names(forWhom)}` : names(forWhom);
  const cells = [awaited, names(by) || 'clients', `${duration(tookMs)}${isOver ? '' : ' until now'}`];
  return h('tr', {}, h('th', { scope: 'row' }, layer), ...cells.map((text) => h('td', {}, named(text))));
}

/** @param {readonly Member[]} members */
function names(members) {
  const told = members.slice(0, MAX_NAMES).map(nameOf);
  const rest = members.length - told.length;
  return `${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** @param {FaultRow} row */
const fault = ({ key, at, ago, sentence, code, culprit, hint, generation }) =>
  h(
    'li',
    { 'data-key': key },
    h('p', { class: 'sentence' }, named(sentence)),
    h(
      'p',
      {},
      h('time', { datetime: new Date(at).toISOString() }, clock(at)),
      ` (${ago}), generation ${generation}, `,
      h('code', {}, code),
    ),
    culprit !== undefined && h('p', {}, 'Caused by ', named(culprit), '.'),
    hint !== undefined && h('p', {}, `Next: ${hint}`),
  );
