/** A program to run, as the kernel takes it: no shell, no word splitting, no expansion. */
export interface Command {
  /** `argv[0]` is looked up on the PATH of `env` unless it holds a slash. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment of the program: nothing is inherited beside it. */
  readonly env: Readonly<Record<string, string>>;
}
