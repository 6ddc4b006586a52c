/** A command that goes on until somebody stops it: once to stop, twice to hurry. */
import type { World } from '../world.ts';

export interface Stop {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal;
  /** Aborted at the second one. */
  readonly hurry: AbortSignal;
  /** The first one; undefined: nobody has. */
  by(): NodeJS.Signals | undefined;
  /** No longer listens. */
  close(): void;
}

const ENDS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

export function untilStopped(world: Pick<World, 'onSignal'>): Stop {
  const stop = new AbortController();
  const hurry = new AbortController();
  let first: NodeJS.Signals | undefined;
  const close = world.onSignal((signal) => {
    if (!ENDS.includes(signal)) return;
    if (first === undefined) {
      first = signal;
      stop.abort();
    } else hurry.abort();
  });
  return { signal: stop.signal, hurry: hurry.signal, by: () => first, close };
}
