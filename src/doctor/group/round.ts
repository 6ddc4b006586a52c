/** One round in which all tell all: what was told by whom, until everybody has, or time is up. Pure but for its promise. */

export interface Heard {
  readonly rank: number;
  readonly text: string;
  /** Head's wall clock at its arrival, milliseconds since 1970. */
  readonly arrivedAt: number;
}

export class Round {
  readonly #heard = new Map<number, Heard>();
  readonly #members: number;
  /** Of the same clock as `now`, milliseconds. */
  readonly until: number;
  readonly #all = Promise.withResolvers<void>();

  constructor(members: number, until: number) {
    this.#members = members;
    this.until = until;
  }

  /** The first word of a member counts: a repeated one is the same, sent again. */
  hear(heard: Heard): void {
    if (!this.#heard.has(heard.rank) && heard.rank < this.#members) this.#heard.set(heard.rank, heard);
    if (this.#heard.size === this.#members) this.#all.resolve();
  }

  /** Resolves when everybody was heard. */
  get complete(): Promise<void> {
    return this.#all.promise;
  }

  /** What was heard until now, by rank. */
  get heard(): readonly Heard[] {
    return [...this.#heard.values()].sort((a, b) => a.rank - b.rank);
  }
}
