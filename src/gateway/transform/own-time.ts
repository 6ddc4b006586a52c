/** A limit on the time that somebody works, which stands still while they wait for us. */
export class OwnTime {
  readonly #late: () => void;
  #leftMs: number;
  #since = 0;
  #waits = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Runs from now. */
  constructor(limitMs: number, late: () => void) {
    this.#leftMs = limitMs;
    this.#late = late;
    this.#run();
  }

  /** Not counted until it settles; of several at once the longest. */
  async waiting<T>(work: Promise<T>): Promise<T> {
    this.#waits += 1;
    if (this.#waits === 1) this.#stop();
    try {
      return await work;
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0) this.#run();
    }
  }

  end(): void {
    this.#waits = Number.NaN; // it runs no more
    clearTimeout(this.#timer);
  }

  #run(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(this.#late, this.#leftMs);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#since));
  }
}
