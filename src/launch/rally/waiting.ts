/** What a waiting worker says: how long, for whom, at which layer, and what to look at. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Missed } from './dial.ts';
import type { Awaited, Phase, Seat, Waiting } from './rally.ts';
import type { Missing } from './session.ts';
import { hostPort, members, rankList, seconds } from './words.ts';

/** How far a worker has come. */
export interface Where {
  /** A head has answered at least once. */
  readonly wasReached?: boolean | undefined;
  /** The last attempt that failed. */
  readonly last?: Missed | undefined;
  readonly seat?: Seat | undefined;
  readonly missing?: Missing | undefined;
  readonly headPhase?: Phase | undefined;
}

export interface Wait {
  /** `host:port` */
  readonly head: string;
  readonly waitedMs: number;
  readonly timeoutMs: number;
}

export interface Head {
  /** Its member name, once it has told it. */
  readonly name: string | undefined;
  /** When this part of the way began, milliseconds on the monotonic clock. */
  readonly since: number;
}

/** The waiting line, and the same by member; undefined once the head is ready, or is about to go. */
export function workerWaits(where: Where, wait: Wait, { name, since }: Head): Waiting | undefined {
  const { seat, missing, headPhase = 'joined', last } = where;
  if (seat && PAST_WAITING.includes(headPhase)) return undefined;
  const line = waitingLine(where, wait);
  const head = (layer: Awaited['layer'], detail: string): Waiting => ({
    line,
    awaited: [{ member: name, rank: 0, layer, since, detail }],
  });
  if (!seat) return head(last?.layer ?? 'DNS', last?.message ?? 'first attempt');
  if (missing && missing.count > 0) {
    const awaited = missing.ranks.map(
      (rank): Awaited => ({ member: undefined, rank, layer: 'rally', since, detail: 'is not in' }),
    );
    return { line, awaited };
  }
  return head(headPhase === 'serving' ? 'server' : missing ? 'engine' : 'rally', `the head is in phase ${headPhase}`);
}

const PAST_WAITING: readonly Phase[] = ['ready', 'handed-over', 'stopping'];

export function waitingLine(where: Where, { head, waitedMs, timeoutMs }: Wait): string {
  if (where.seat) return `waiting ${seconds(waitedMs)}: ${seatedLine(where.seat, where)}`;
  const waiting = `waiting ${seconds(waitedMs)} of ${seconds(timeoutMs)} for the head ${head}`;
  const { last } = where;
  return last ? `${waiting}: ${last.layer}: ${last.message}; next step: ${last.hint}` : `${waiting}: first attempt`;
}

function seatedLine({ rank, worldSize }: Seat, { missing, headPhase }: Where): string {
  const seated = `seated as rank ${rank}`;
  if (missing === undefined) return `${seated} of ${members(worldSize)}`;
  if (missing.count > 0)
    return `${seated}, ${missing.count} of ${members(worldSize)} missing: ${rankList(missing.ranks)}`;
  return `${seated}, all ${members(worldSize)} are in; the head is in phase ${headPhase ?? 'joined'}`;
}

/** The wait is over without a seat. */
export function outOfTime(
  { wasReached, last }: Where,
  head: { host: string; port: number },
  timeoutMs: number,
): Refusal {
  const where = hostPort(head.host, head.port);
  const why = last ? `; last: ${last.layer}: ${last.message}` : '';
  const hint = last?.hint || 'Look at the log of the head.';
  if (!wasReached)
    return {
      code: 'HEAD_UNREACHABLE',
      message: `the head ${where} was not reached in ${seconds(timeoutMs)}${why}`,
      hint,
    };
  return {
    code: 'RALLY_TIMEOUT',
    message: `the head ${where} was reached, but the group did not form in ${seconds(timeoutMs)}${why}`,
    hint,
  };
}
