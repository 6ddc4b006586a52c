/** From containers that are made to a group that is ready, or to the reason why it is not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, MusterError } from '../errors.ts';
import { seconds } from '../launch/rally/words.ts';
import type { Docker } from './docker.ts';
import type { Group } from './group.ts';
import { memberName } from './group.ts';
import { lastLines } from './logs.ts';
import { look } from './look.ts';
import { restartFailed, startAll } from './members.ts';
import { begin, outcome, type Progress, step } from './progress.ts';
import type { Screen } from './screen.ts';
import type { Sight } from './sight.ts';

export interface BringUp {
  readonly docker: Docker;
  readonly group: Group;
  /** Of the containers, by ordinal. */
  readonly ids: readonly string[];
  /** Seconds by member. */
  readonly late: Readonly<Record<string, number>>;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
}

/** Between two looks. */
const LOOK_MS = 200;
/** How long the others may take to end too, so that it is seen who was the first. */
const SETTLE_MS = 3_000;

/** Resolves with the members once the head says that the whole group is ready. @throws MusterError MEMBER_ENDED, … */
export async function bringUp(input: BringUp): Promise<readonly Sight[]> {
  const { docker, group, ids, late, signal } = input;
  const members = ids.map((id, ordinal) => ({ id, name: memberName(group.name, ordinal) }));
  const watch = watching(input, members);
  await watch.look();
  const over = new AbortController();
  const failed = startAll(docker, members, late, AbortSignal.any([signal, over.signal])).then(
    () => new Promise<never>(() => {}),
  );
  failed.catch(() => {}); // told by the race, or too late to matter
  try {
    const sights = await Promise.race([untilReady(watch, signal), failed]);
    await restartFailed(docker, ids);
    return sights;
  } finally {
    over.abort();
  }
}

interface Watch {
  /** How many members there are to be. */
  readonly count: number;
  look(): Promise<readonly Sight[]>;
  now(): number;
  ended(culprit: Sight): Promise<MusterError>;
}

/** Looks, and shows what it sees. */
function watching({ docker, group, screen, now }: BringUp, members: readonly { readonly name: string }[]): Watch {
  let progress = begin(
    members.map(({ name }) => name),
    now(),
  );
  return {
    now,
    count: members.length,
    look: async () => {
      const sights = await look(docker, group.name);
      const next = step(progress, sights, now());
      progress = next.progress;
      screen.update(progress, next.news);
      return sights;
    },
    ended: (culprit) => ended(docker, culprit, progress, now()),
  };
}

async function untilReady(watch: Watch, signal: AbortSignal): Promise<readonly Sight[]> {
  let late: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const sights = await watch.look();
    const is = outcome(sights, watch.count);
    if (is.is === 'removed') throw removed(is.count, watch.count);
    if (is.is === 'ready') return sights;
    if (is.is === 'ended') {
      late ??= watch.now() + SETTLE_MS;
      if (watch.now() >= late || sights.every(({ exit }) => exit)) throw await watch.ended(is.culprit);
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** By `local down`, say, in another terminal. */
function removed(count: number, of: number): MusterError {
  return new MusterError({
    code: 'GROUP_MISSING',
    message: `${count} of ${of} containers were removed before the group was ready`,
    hint: 'See who removed them (`muster local down`, `docker rm`), and start again.',
  });
}

const TAIL = 20;

async function ended(docker: Docker, culprit: Sight, progress: Progress, now: number): Promise<MusterError> {
  const { name, id, marks, exit } = culprit;
  const lines = await lastLines(docker, { id, name, ordinal: marks.ordinal }, TAIL).catch(() => []);
  const status = exit?.status ?? 0;
  const why = exit?.outOfMemory ? ', out of memory (its --memory)' : '';
  return new MemberEnded(
    `${name} ended with status ${status}${why} before the group was ready, ${seconds(now - progress.startedAt)} after the start`,
    status === 0 ? EXIT.groupLost : status,
    { name, lines },
  );
}

/** With what the member said last, for a person to read. */
export class MemberEnded extends MusterError {
  readonly member: { readonly name: string; readonly lines: readonly string[] };

  constructor(message: string, exitStatus: number, member: MemberEnded['member']) {
    super(
      { code: 'MEMBER_ENDED', message, hint: `Its last lines are above; docs/exit-codes.md knows its status.` },
      { exitStatus },
    );
    this.member = member;
  }
}
