/** What a signal means for the launch: asked to stop, or news for the server. */
import { signalNumber } from '../process/signals.ts';
import type { Launch } from './launch.ts';
import type { Plan } from './plan/plan.ts';
import type { Ending } from './rally/rally.ts';

export const ASKS_TO_STOP: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/** The ending that `endOnSignals` makes: this member itself was asked to stop. */
export const isOwnStop = ({ member }: Plan, { code, culprit }: Ending): boolean =>
  code === 'STOPPED' && culprit === member.value;

/** Returns how to stop listening. A signal before the server runs ends with 128 + n, as a shell would. */
export function endOnSignals({ world, plan }: Launch, end: (ending: Ending) => void): () => void {
  return world.onSignal((signal) => {
    if (!ASKS_TO_STOP.includes(signal)) return;
    end({
      code: 'STOPPED',
      exitStatus: 128 + signalNumber(signal),
      message: `${plan.member.value} was asked to stop by ${signal}`,
      hint: 'Nothing to do.',
      culprit: plan.member.value,
    });
  });
}
