/** Hears, for a moment, whose server or engine ended, and then says whose end was the cause. Edge of `suspects.ts`. */
import type { Ending } from './rally.ts';
import type { ConnId } from './roll.ts';
import { causeOf, mayFollow, type Suspect } from './suspects.ts';

export class Inquiry {
  readonly #sentence: (ending: Ending) => void;
  #suspects: (Suspect & { readonly conn: ConnId | undefined })[] = [];
  #timer: NodeJS.Timeout | undefined;

  readonly #isPending: () => boolean;
  readonly #settleMs: number;

  /**
   * @param sentence  called once for all that were heard together
   * @param isPending whether somebody is silent who may be lost, and is then the better reason; his lease bounds it
   * @param settleMs  how long it hears
   */
  constructor(sentence: (ending: Ending) => void, isPending: () => boolean, settleMs: number) {
    this.#settleMs = settleMs;
    this.#sentence = sentence;
    this.#isPending = isPending;
  }

  /** Whether this one is to be heard: it may be a consequence, or a better reason than one that may. */
  isFor(ending: Ending): boolean {
    return mayFollow(ending) || this.#suspects.length > 0;
  }

  /** @param conn undefined for the head itself */
  hear(suspect: Suspect, conn?: ConnId): void {
    this.#suspects.push({ ...suspect, conn });
    if (!mayFollow(suspect.ending)) this.settle();
    else if (!this.#timer) this.#wait();
  }

  /** Who told its reason and went: that it is gone is no reason of its own. */
  gone(conn: ConnId): void {
    if (this.#suspects.some((each) => each.conn === conn)) this.settle();
  }

  #wait(): void {
    this.#timer = setTimeout(() => (this.#isPending() ? this.#wait() : this.settle()), this.#settleMs);
  }

  settle(): void {
    this.close();
    const [first, ...others] = this.#suspects.splice(0);
    if (first) this.#sentence(causeOf([first, ...others]).ending);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
