/**
 * After a generation: meet again, or go? Pure. The head decides for the group by its own budget, and says when it is
 * spent; a worker follows, and counts for itself only where the head is gone.
 */
import { CODES, type ErrorCode } from '../errors.ts';
import type { Plan } from './plan/plan.ts';
import type { Ending } from './rally/rally.ts';

/** What ended the generation may not be there the next time. Refusals and one's own stop are final. */
const MAY_PASS: readonly ErrorCode[] = [
  'GROUP_LOST',
  'ENGINE_LOST',
  'ENGINE_START_FAILED',
  'ENGINE_GATE',
  'SERVER_EXITED',
  'SERVER_UNHEALTHY',
  'SERVER_NOT_READY',
  'STOPPED',
];

export interface Past {
  /** The group was ready once: a start that never worked would only fail again, and take its load time each time. */
  readonly wasReady: boolean;
  /** When this member restarted before, ms on the monotonic clock, oldest first. */
  readonly restartedAt: readonly number[];
}

export type Next =
  | { readonly do: 'exit' }
  /** No budget is left: `ending` says so, for everybody. */
  | { readonly do: 'give-up'; readonly ending: Ending }
  | { readonly do: 'restart'; readonly nth: number };

export function afterEnding(plan: Plan, ending: Ending, { wasReady, restartedAt }: Past, now: number): Next {
  const { limit, windowMs } = plan.restarts;
  const mine = ending.culprit === undefined || ending.culprit === plan.member.value;
  const final = !MAY_PASS.includes(ending.code) || (ending.code === 'STOPPED' && mine);
  if (final || !wasReady || limit.value === 0) return { do: 'exit' };
  const recent = restartedAt.filter((at) => now - at < windowMs.value).length;
  if (recent < limit.value) return { do: 'restart', nth: recent + 1 };
  return { do: 'give-up', ending: spent(plan, ending) };
}

const spent = ({ restarts: { limit, windowMs }, member }: Plan, ending: Ending): Ending => ({
  ...ending,
  // A stop stays one: the server still has its time to drain.
  code: ending.code === 'STOPPED' ? ending.code : 'RESTARTS_SPENT',
  exitStatus: ending.culprit === member.value ? ending.exitStatus : CODES.RESTARTS_SPENT,
  message: `${ending.message}; the group was restarted ${limit.value} times within ${windowMs.value / 1000} s, and no restart is left`,
});

/** Before the first restart within a window, milliseconds; each further one waits three times as long, up to the cap. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 7_500;

/**
 * How long to wait before the `nth` restart within the window: a group that is lost once meets at once, one that cannot
 * hold ever later. Up to twice as long by chance, at the cap too, so that many groups that lost one thing do not come in step.
 *
 * @param random  from 0 to 1
 * @returns milliseconds
 */
export const pauseMs = (nth: number, random: number): number =>
  Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 3 ** (nth - 1)) * (1 + random);
