/** What a signal means for the launch: asked to stop, or news for the server. */
import { signalNumber } from '../process/signals.ts';
import type { Launch } from './launch.ts';
import type { Plan } from './plan/plan.ts';
import type { Ending } from './rally/rally.ts';

export const ASKS_TO_STOP: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/** The ending that `endOnSignals` makes: this member itself was asked to stop. */
export const isOwnStop = ({ member }: Plan, { code, culprit }: Ending): boolean =>
  code === 'STOPPED' && culprit === member.value;

/** Milliseconds. One Ctrl-C may come twice, from the terminal and from a parent that passes it on (npm does). */
const SAME_KEYSTROKE_MS = 250;

/**
 * Does the signal insist on a stop that was asked for at `askedAt`? Only Ctrl-C does, for a person is there who waits. A
 * second SIGTERM is no such word: a kubelet that restarts sends it again, and the server still has its time to drain.
 *
 * @param now  milliseconds on the clock of `askedAt`
 */
export const insists = (signal: NodeJS.Signals, askedAt: number | undefined, now: number): boolean =>
  signal === 'SIGINT' && askedAt !== undefined && now - askedAt >= SAME_KEYSTROKE_MS;

export interface OnStop {
  readonly end: (ending: Ending) => void;
  /** Asked again, by somebody who will not wait. */
  readonly hurry: () => void;
}

/** Returns how to stop listening. A signal before the server runs ends with 128 + n, as a shell would. */
export function endOnSignals({ world, plan }: Launch, { end, hurry }: OnStop): () => void {
  let askedAt: number | undefined;
  return world.onSignal((signal) => {
    if (!ASKS_TO_STOP.includes(signal)) return;
    if (insists(signal, askedAt, world.now())) return hurry();
    askedAt ??= world.now();
    end({
      code: 'STOPPED',
      exitStatus: 128 + signalNumber(signal),
      message: `${plan.member.value} was asked to stop by ${signal}`,
      hint: 'Nothing to do.',
      culprit: plan.member.value,
    });
  });
}
