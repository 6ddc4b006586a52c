/** Is a server up? One look; when to look again, and how long to wait in all, belong to `awaitReady` and the watch. */
export type Health = { readonly up: true } | { readonly up: false; readonly why: string };

export interface Probe {
  /** e.g. `GET http://127.0.0.1:8080/health` */
  readonly name: string;
  /** Never throws, and is over soon after `signal` aborts. `why` is one line without the probe's name. */
  look(signal: AbortSignal): Promise<Health>;
}

export const UP: Health = { up: true };
export const down = (why: string): Health => ({ up: false, why });

/** No probe waits longer than this, even when its caller gave no deadline. */
export const LOOK_LIMIT_MS = 10_000;
