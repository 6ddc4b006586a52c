/** What the user typed, in two halves: ours, and the server's. */
export interface CutArgv {
  readonly ours: readonly string[];
  /** Byte for byte; undefined when there is no `--` at all. */
  readonly theirs: readonly string[] | undefined;
}

/**
 * Cuts at the first `--`, before any parser looks: yargs would hand a server `1` for `1.0` (measured), and a second
 * `--` belongs to the server.
 */
export function cutArgv(argv: readonly string[]): CutArgv {
  const at = argv.indexOf('--');
  return at < 0 ? { ours: argv, theirs: undefined } : { ours: argv.slice(0, at), theirs: argv.slice(at + 1) };
}
