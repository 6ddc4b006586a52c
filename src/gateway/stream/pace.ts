/**
 * When answers are worth gathering before they are written: a write costs the gateway and its client some 0.1 ms of CPU,
 * which is nothing beside a token of a language model, and all there is beside one of a fast one
 * (docs/decisions/0009 has what it brings).
 */

/** Answers that come faster than one in so many milliseconds are hurried … */
const HURRIED_MS = 1;
/** … and gathered when they have been so for so many writes: the first ones of a stream never wait. */
const WRITES = 8;
const GATHER_MS = 4;

export class Pace {
  #hurried = 0;
  #at = Number.NEGATIVE_INFINITY;

  /**
   * @param now milliseconds
   * @param answers that were taken together just now
   * @returns milliseconds to leave the next ones to gather; 0: none
   */
  taken(now: number, answers: number): number {
    this.#hurried = now - this.#at < answers * HURRIED_MS ? this.#hurried + 1 : 0;
    this.#at = now;
    return this.#hurried >= WRITES ? GATHER_MS : 0;
  }
}
