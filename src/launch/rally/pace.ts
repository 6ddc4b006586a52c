/** How fast a group of this size beats. Pure. */

export interface Pace {
  readonly beatMs: number;
  readonly leaseMs: number;
}

/** Beats the head takes in a second, each way, whatever the size: 4 % of a core. */
const BEATS_PER_SECOND = 500;
/** One lost beat, or one that a busy network holds up, is not a lost member. */
const BEATS_PER_LEASE = 3;

/** What was asked for, slowed down for a large group: up to 500 members beat every second, 5,000 every ten. */
export function paceOf(worldSize: number, asked: Pace): Pace {
  const beatMs = Math.max(asked.beatMs, Math.ceil((1000 * worldSize) / BEATS_PER_SECOND));
  return { beatMs, leaseMs: beatMs > asked.beatMs ? Math.max(asked.leaseMs, BEATS_PER_LEASE * beatMs) : asked.leaseMs };
}
