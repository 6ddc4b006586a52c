/**
 * A member's life: generation after generation within the restart budget, probes all along, and one status at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { ExitStatus } from '../errors.ts';
import { Generation } from './generation.ts';
import { sayLastWords } from './last-words.ts';
import type { Launch } from './launch.ts';
import { liveOnce, type Story, statusOf } from './live-once.ts';
import { openProbes } from './open-probes.ts';
import type { Ending } from './rally/rally.ts';
import { pauseMs } from './restart.ts';
import { endOnSignals } from './signals.ts';
import type { Resident } from './watch/resident.ts';

export async function live(launch: Launch, story: Story): Promise<ExitStatus> {
  const restartedAt: number[] = [];
  let current = new Generation();
  let status: ExitStatus | undefined;
  const asked = new AbortController();
  const deaf = endOnSignals(launch, {
    end: (ending) => {
      launch.life.asked ??= ending.exitStatus;
      current.end(ending);
      asked.abort(new Between(ending));
    },
    hurry: () => {
      if (!current.hurry()) return;
      launch.log.warn('asked again by SIGINT: what still runs is killed');
    },
  });
  const attempt = async (nth: number): Promise<ExitStatus> => {
    if (nth > 1) current = new Generation(nth);
    const { ending, next } = await liveOnce(launch, current, { story, restartedAt });
    if (next.do === 'restart') {
      restartedAt.push(launch.world.now());
      throw new Again(ending.message, next.nth);
    }
    status = statusOf(launch, ending);
    await sayLastWords(launch, ending, status);
    return status;
  };
  let resident: Resident | undefined;
  try {
    resident = await openProbes(launch);
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      // Its own back-off counts all retries there ever were; ours, those within the window.
      minTimeout: 0,
      onFailedAttempt: async ({ error }) => {
        if (error instanceof Again) await pause(pauseMs(error.nth, Math.random()), asked.signal);
      },
      shouldRetry: ({ error }) => error instanceof Again,
      signal: asked.signal,
    });
  } catch (error) {
    // Also when the stop came while a generation ran: then its own status counts.
    if (!(error instanceof Between)) throw error;
    if (status !== undefined) return status;
    const last = statusOf(launch, error.ending);
    await sayLastWords(launch, error.ending, last);
    return last;
  } finally {
    deaf();
    await resident?.close();
  }
}

/** The generation is over, and the budget has another one. */
class Again extends Error {
  readonly nth: number;
  constructor(message: string, nth: number) {
    super(message);
    this.nth = nth;
  }
}

/** Over at once when `signal` is aborted; p-retry sees to the rest. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => {});

/** Asked to stop between two generations, when nothing runs. */
class Between extends Error {
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.message);
    this.ending = ending;
  }
}
