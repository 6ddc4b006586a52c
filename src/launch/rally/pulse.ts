/** The two rhythms of the rally: looking at the clock, and beating. Knows when our own event loop stood still. */

export interface Pulse {
  stop(): void;
}

export interface Rhythm {
  /** Milliseconds between two beats; jittered by 10 % so that a thousand members do not beat as one. */
  readonly beatMs: number;
  readonly now: () => number;
  /** Absent: whoever listens to the ticks beats with them. */
  onBeat?(): void;
  /** A few times a beat. @param lateMs how much later than planned it comes */
  onTick(lateMs: number): void;
}

export const TICKS_PER_BEAT = 4;

export function startPulse({ beatMs, now, onBeat, onTick }: Rhythm): Pulse {
  const tickMs = Math.max(5, beatMs / TICKS_PER_BEAT);
  const jittered = () => beatMs * (0.9 + 0.2 * Math.random());
  let dueAt = now() + tickMs;
  let beatAt = now() + jittered();
  const timer = setInterval(() => {
    const at = now();
    const lateMs = Math.max(0, at - dueAt);
    dueAt = at + tickMs;
    onTick(lateMs);
    if (at < beatAt) return;
    beatAt = at + jittered();
    onBeat?.();
  }, tickMs);
  return { stop: () => clearInterval(timer) };
}
