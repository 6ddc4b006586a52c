/** Why a generation ends, in the words every member will see. Pure. */
import { CODES, type ErrorCode, MusterError, type Refusal } from '../../errors.ts';
import type { Place } from './places.ts';
import type { Ending } from './rally.ts';
import { missingRanks, type Roll } from './roll.ts';
import { visitorsList } from './visitors.ts';
import { members, rankList, seconds } from './words.ts';

/** @param how what the member did, e.g. `closed its connection` */
export const lost = (roll: Roll, { rank, hello }: Place, how: string): Ending => ({
  code: 'GROUP_LOST',
  exitStatus: CODES.GROUP_LOST,
  message: `generation ${roll.rules.generation} ended: ${hello.member} (rank ${rank}) ${how}`,
  hint: `See the log of ${hello.member} at ${hello.address}: killed, out of memory, rescheduled, or cut off?`,
  culprit: hello.member,
});

/** A member that got a SIGTERM says so and stays until the head has drained. */
export const askedToStop = (roll: Roll, { rank, hello }: Place): Ending => ({
  code: 'STOPPED',
  exitStatus: CODES.GROUP_LOST,
  message: `generation ${roll.rules.generation} ended: ${hello.member} (rank ${rank}) was asked to stop`,
  hint: `See who stopped ${hello.member} at ${hello.address}: a rollout, a scale-down, a drained node?`,
  culprit: hello.member,
});

export function timedOut(roll: Roll, now: number): Ending {
  const refused = roll.visitors.length > 0 ? `; refused: ${visitorsList(roll, now)}` : '';
  return {
    code: 'RALLY_TIMEOUT',
    exitStatus: CODES.RALLY_TIMEOUT,
    message: `the group was not complete after ${seconds(roll.rules.timeoutMs)}: ${whoIsMissing(roll, now)}${refused}`,
    hint:
      roll.visitors.length > 0
        ? 'Correct what the refused members differ in.'
        : 'Look whether the missing machines were scheduled and can reach the head.',
    culprit: undefined,
  };
}

/** `1 of 3 members missing: rank 2 (worker-2, gone 12 s ago)`. */
export function whoIsMissing(roll: Roll, now: number): string {
  const missing = missingRanks(roll);
  const gone = missing.flatMap((rank) => {
    const place = roll.places.get(rank);
    return place?.lostAt === undefined ? [] : [`${place.hello.member}, gone ${seconds(now - place.lostAt)} ago`];
  });
  const known = gone.length > 0 ? ` (${gone.slice(0, 8).join('; ')})` : '';
  return `${missing.length} of ${members(roll.rules.worldSize)} missing: ${rankList(missing)}${known}`;
}

export const endingOf = ({ code, message, hint }: Refusal, culprit?: string): Ending => ({
  code,
  exitStatus: CODES[code],
  message,
  hint,
  culprit,
});

export const errorOf = ({ code, message, hint, exitStatus }: Ending): MusterError =>
  new MusterError({ code, message, hint }, { exitStatus });

export const groupLost = (message: string, culprit: string | undefined, code: ErrorCode = 'GROUP_LOST'): Ending => ({
  code,
  exitStatus: CODES[code],
  message,
  hint: 'See the log of the head.',
  culprit,
});
