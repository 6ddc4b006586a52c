/** What an option can be, and what is said of each. `options.ts` has those of `launch` and `run`. */
interface Described {
  /** Environment twin. */
  readonly env: string;
  /** Names of others that are read when flag and twin are unset, first that is set and not empty wins. */
  readonly alsoEnv?: readonly string[];
  readonly describe: string;
  /** One letter, as in `-d`. */
  readonly short?: string;
  /** What `--help` shows as default when it is not a constant. */
  readonly otherwise?: string;
}
interface Text extends Described {
  readonly kind: 'text';
  readonly default?: string;
}
interface Choice extends Described {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default?: string;
}
interface Numeric extends Described {
  readonly kind: 'integer' | 'seconds';
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}
interface Switch extends Described {
  readonly kind: 'switch';
}
interface List extends Described {
  readonly kind: 'list';
}
export type Option = Text | Choice | Numeric | Switch | List;
