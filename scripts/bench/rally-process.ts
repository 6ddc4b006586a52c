/** What the processes of `scale.ts` have in common: what they say to it, and what they cost. */
export const TOKEN = 'the token of the bench';

export interface Cost {
  /** performance.timeOrigin and now: comparable between processes. */
  readonly atMs: number;
  readonly rssMib: number;
  /** user + system, since the process started */
  readonly cpuMs: number;
}

export const say = (what: object): void => void process.send?.(what);

/** Whoever asks is told what this process costs so far. */
export function answerCosts(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const cost: Cost = { atMs: clock(), rssMib: process.memoryUsage.rss() / 2 ** 20, cpuMs: (user + system) / 1000 };
    say({ cost });
  });
}

export const clock = (): number => performance.timeOrigin + performance.now();
