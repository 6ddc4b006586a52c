/** Trying again, never in step with the others: every pause is jittered and capped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Missed } from './dial.ts';
import { TIME } from './limits.ts';

/** A head that seats us and drops us at once must not be stormed. */
export const breathe = (signal: AbortSignal): Promise<void> =>
  sleep(TIME.retryMs / 4, undefined, { signal }).catch(() => {});

/** The first try is free of p-retry's load time: most heads are there. */
export async function persistently<T>(once: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await once();
  } catch (cause) {
    if (!(cause instanceof Missed)) throw cause;
  }
  const { default: pRetry } = await import('p-retry');
  return pRetry(once, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 10,
    // p-retry's own jitter ends at the cap: a thousand members would come in step every second.
    maxTimeout: TIME.retryMs * (0.7 + 0.3 * Math.random()),
    randomize: true,
    signal,
    shouldRetry: ({ error }) => error instanceof Missed,
  });
}
