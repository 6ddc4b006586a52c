/**
 * May this address be called? Pure: `now` and the dice are arguments.
 *
 * A new address is on trial, so that one which never answers gets no client's request while another one does. What counts
 * against an address is the connection alone. A gRPC UNAVAILABLE does not: Triton says it when its queue is full, and taking
 * a full server out makes the others fuller.
 */

/** Times are milliseconds on one monotonic clock. What began before `since` says nothing about this state. */
export type Circuit =
  | { readonly state: 'closed'; readonly since: number; readonly misses: number; readonly window: Window }
  | { readonly state: 'open'; readonly since: number; readonly dueAt: number; readonly opens: number }
  | { readonly state: 'trial'; readonly since: number; readonly opens: number };

interface Window {
  readonly from: number;
  readonly good: number;
  readonly bad: number;
}

/** How one call ended, as far as the address is concerned. */
export interface Outcome {
  readonly reached: boolean;
  readonly startedAt: number;
  readonly now: number;
  /** 0-1 at random: addresses that died together are not tried together. */
  readonly dice: number;
}

/** So many misses in a row open it, or so large a part of so many calls within a window. */
export const MISSES = 3;
export const WINDOW_MS = 10_000;
export const WINDOW_CALLS = 20;
export const BAD_SHARE = 0.5;
/** The pause before a trial, doubled with each that fails, and shortened by up to half. */
export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 15_000;

export const onTrial = (now: number): Circuit => ({ state: 'trial', since: now, opens: 0 });

/** An open one whose pause is over is on trial; any other stays as it is. */
export const atTime = (circuit: Circuit, now: number): Circuit =>
  circuit.state === 'open' && now >= circuit.dueAt ? { state: 'trial', since: now, opens: circuit.opens } : circuit;

/** What the circuit is after a call. */
export function afterCall(circuit: Circuit, outcome: Outcome): Circuit {
  if (outcome.startedAt < circuit.since || circuit.state === 'open') return circuit;
  if (circuit.state === 'trial') return outcome.reached ? closed(outcome.now) : opened(circuit.opens, outcome);
  const window = counted(circuit.window, outcome);
  const misses = outcome.reached ? 0 : circuit.misses + 1;
  const all = window.good + window.bad;
  const mostlyBad = all >= WINDOW_CALLS && window.bad >= all * BAD_SHARE;
  if (!outcome.reached && (misses >= MISSES || mostlyBad)) return opened(0, outcome);
  return { ...circuit, misses, window };
}

const closed = (now: number): Circuit => ({
  state: 'closed',
  since: now,
  misses: 0,
  window: { from: now, good: 0, bad: 0 },
});

function opened(opensBefore: number, { now, dice }: Outcome): Circuit {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** opensBefore);
  return { state: 'open', since: now, dueAt: now + pauseMs * (1 - dice / 2), opens: opensBefore + 1 };
}

function counted({ from, good, bad }: Window, { reached, now }: Outcome): Window {
  const old = now - from >= WINDOW_MS;
  return {
    from: old ? now : from,
    good: (old ? 0 : good) + (reached ? 1 : 0),
    bad: (old ? 0 : bad) + (reached ? 0 : 1),
  };
}
