/**
 * Asks `/status` again and again, and shows what it says. One question at a time, none while nobody looks: what the page
 * costs the member it watches is bounded by its own pace.
 */
import { byId, show } from './dom.js';
import { render } from './render.js';
import { isStatus, newsOf, remembered, viewOf } from './view.js';
import { clock, duration } from './words.js';

/** @import { Names, View } from './view.d.ts' */

/** Milliseconds from one answer to the next question. */
const PERIOD_MS = 1_000;
const SLOWEST_MS = 10_000;
/** At most one part in so many of the time is spent on asking: a member far away, or of a group of thousands, is asked less often. */
const PARTS = 20;
const TIMEOUT_MS = 5_000;

/** @type {View | undefined} */
let view;
/** @type {Names} */
let names = new Map();
let heardAt = Date.now();
let isLost = false;
let isPaused = false;
let wake = () => {};

async function ask() {
  const reply = await fetch('status', { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!reply.ok) throw new Error(`HTTP status ${reply.status}`);
  const answer = await reply.json();
  if (!isStatus(answer)) throw new Error('what answers is no muster, or of another version: load this page again');
  return answer;
}

/** Never throws: a member that cannot be asked is a thing to show. */
async function look() {
  try {
    const status = await ask();
    names = remembered(names, status);
    const next = viewOf(status, names);
    const news = `${isLost ? 'The connection is back. ' : ''}${newsOf(view, next)}`;
    view = next;
    render(next, false);
    heardAt = Date.now();
    isLost = false;
    show('link', 'Live');
    if (news !== '') show('news', news);
  } catch (error) {
    lost(error instanceof Error ? error.message : String(error));
  }
  document.documentElement.dataset.link = isLost ? 'lost' : 'live';
}

/** @param {string} why */
function lost(why) {
  const since = clock(heardAt);
  if (!isLost) show('news', `The connection is lost since ${since}.`);
  isLost = true;
  if (view) render(view, true);
  show('link', `Connection lost since ${since} (${duration(Date.now() - heardAt)}): ${why}. Trying again.`);
}

function paused() {
  show('link', `Paused at ${clock(heardAt)}`);
  document.documentElement.dataset.link = 'paused';
}

/** Until the time is over, or somebody wakes it; without a time only that. @param {number} [ms] @returns {Promise<void>} */
function rest(ms) {
  return new Promise((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  byId('pause').setAttribute('aria-pressed', String(isPaused));
  wake();
});
document.addEventListener('visibilitychange', () => wake());

for (;;) {
  const askedAt = performance.now();
  await look();
  await rest(Math.min(SLOWEST_MS, Math.max(PERIOD_MS, PARTS * (performance.now() - askedAt))));
  if (isPaused) paused();
  while (isPaused || document.hidden) await rest();
}
