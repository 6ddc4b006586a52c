/** How the page says durations, moments and phases. Pure. */

const UNITS = /** @type {const} */ ([
  [86_400, 'd', 3_600, 'h'],
  [3_600, 'h', 60, 'min'],
  [60, 'min', 1, 's'],
]);

/**
 * `40 ms`, `0.3 s`, `48 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const s = Math.max(0, ms) / 1000;
  if (ms >= 1 && ms < 95) return `${Math.round(ms)} ms`;
  if (s < 9.95) return `${s.toFixed(1).replace(/\.0$/, '')} s`;
  const whole = Math.round(s);
  for (const [size, unit, smaller, rest] of UNITS) {
    if (whole < size) continue;
    const left = Math.floor((whole % size) / smaller);
    return `${Math.floor(whole / size)} ${unit}${left > 0 ? ` ${left} ${rest}` : ''}`;
  }
  return `${whole} s`;
}

/**
 * The reader's own clock, to the second.
 *
 * @param {number} epochMs
 */
export const clock = (epochMs) => new Date(epochMs).toLocaleTimeString([], { hour12: false });

/** What each phase means, for who reads the word for the first time. */
const MEANINGS = /** @type {const} */ ({
  joining: 'looks for the head',
  joined: 'is in, waits for the others',
  engine: 'starts its part of the engine',
  'engine-up': 'its part of the engine is up',
  serving: 'its server runs',
  ready: 'a real request was answered',
  'handed-over': 'the server has replaced muster',
  stopping: 'drains and stops',
  gone: 'closed its connection',
  absent: 'not in yet',
});

/** In the order of a launch. */
export const PHASES = Object.keys(MEANINGS);

/** @param {string} phase */
export const meaningOf = (phase) =>
  Object.hasOwn(MEANINGS, phase) ? MEANINGS[/** @type {keyof typeof MEANINGS} */ (phase)] : '';

/** @param {number} count @param {string} one @param {string} [several] */
export const counted = (count, one, several = `${one}s`) => `${count} ${count === 1 ? one : several}`;
