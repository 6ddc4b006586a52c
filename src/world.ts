/**
 * The outside, as one value: what a command may touch. `bin.ts` builds the real one, tests pass their own, and nothing
 * below reads `process.argv`, `process.env` or the clock by itself.
 */
export interface World {
  /** What the user typed behind `muster`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where muster is installed: the directory that holds `runtimes/`. */
  readonly home: string;
  readonly version: string;
  readonly pid: number;
  /** The command line that starts this very program again. */
  readonly again: readonly string[];
  /** Milliseconds on the monotonic clock, 0 at process start. Never goes back when the wall clock jumps. */
  readonly now: () => number;
  /** What the wall clock said when `now` was 0, milliseconds since 1970. */
  readonly epochMs: number;
  /** For answers a user asked for (`--explain`, `runtimes`); never used while a server runs: stdout is the server's. */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Calls `handler` for each SIGTERM, SIGINT, … ; returns how to stop listening. */
  readonly onSignal: (handler: (signal: NodeJS.Signals) => void) => () => void;
}
