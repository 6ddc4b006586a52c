/**
 * One start of the group, as this member lives it: the first reason to end wins, everything that was opened is closed
 * in reverse order, and nothing waits past the end.
 */
import { MusterError, reasonOf } from '../errors.ts';
import type { Ending } from './rally/rally.ts';

/** Closes one thing; must not throw for a thing that is gone. */
type Close = (ending: Ending) => Promise<void>;

export class Generation {
  /** 1, 2, 3, … as this member counts; the head's count is the group's. */
  readonly number: number;
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #closers: Close[] = [];
  readonly #hurried = Promise.withResolvers<void>();
  #ending: Ending | undefined;
  #isHurried = false;
  /** What else this member knows of a reason of its own; asked before the head is, and again at the end. */
  explain: (ending: Ending) => Ending = (ending) => ending;
  /** The last word on a reason before anybody hears it. */
  finalise: (ending: Ending) => Ending = (ending) => ending;

  constructor(number = 1) {
    this.number = number;
  }

  /** Aborted at the end: every wait of this generation takes it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** The first reason is the cause; later ones are its consequences. */
  end(ending: Ending): void {
    if (this.#ending) return;
    const final = this.finalise(ending);
    this.#ending = final;
    this.#controller.abort(new Ended(final));
    this.#ended.resolve(final);
  }

  /** Nothing that closes waits for anybody any more. @returns false when that was said before */
  hurry(): boolean {
    if (this.#isHurried) return false;
    this.#isHurried = true;
    this.#hurried.resolve();
    return true;
  }

  get isHurried(): boolean {
    return this.#isHurried;
  }

  /** `patient`; or, once somebody is in a hurry, what `atOnce` brings, which makes `patient` end too. */
  unlessHurried<T>(patient: Promise<T>, atOnce: () => Promise<T>): Promise<T> {
    patient.catch(() => {});
    return Promise.race([patient, this.#hurried.promise.then(atOnce)]);
  }

  /** Ends with what `promise` brings; its failure is an end too. */
  endWith(promise: Promise<Ending>): void {
    promise.then(
      (ending) => this.end(ending),
      (error) => this.end(endingOf(error)),
    );
  }

  /** `promise`, or the end of the generation as an error, whichever is first. */
  until<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    return Promise.race([
      promise,
      this.ended.then((ending): never => {
        throw new Ended(ending);
      }),
    ]);
  }

  /** @throws Ended when it is over */
  throwIfEnded(): void {
    if (this.#ending) throw new Ended(this.#ending);
  }

  /**
   * Opens something and sees to its end. The closer is known before the opening has finished, so that an end in between
   * leaves nothing behind: it waits for the opening, which takes `signal`, and closes what came of it.
   *
   * @throws Ended before anything is opened when the generation is over, and while it opens when it ends
   */
  async open<T>(opener: () => Promise<T>, close: (opened: T, ending: Ending) => Promise<unknown>): Promise<T> {
    this.throwIfEnded();
    const opening = opener();
    this.onEnd(async (ending) => {
      const result = await opening.then(
        (opened) => ({ opened }),
        () => undefined,
      );
      if (result) await close(result.opened, ending);
    });
    return this.until(opening);
  }

  /** Last registered, first called. */
  onEnd(close: Close): void {
    this.#closers.push(close);
  }

  /** @throws the first error of a closer, after all have run: something is left, and that must be said */
  async close(ending: Ending): Promise<void> {
    const failures: unknown[] = [];
    // Taken one by one: a closer that is registered meanwhile has its turn too.
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) {
      try {
        await close(ending);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Not a failure of its own: the generation ended while something waited. */
export class Ended extends Error {
  override readonly name = 'Ended';
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.message);
    this.ending = ending;
  }
}

/** Any error as an ending; what nobody foresaw is a bug (70). */
export function endingOf(error: unknown, culprit?: string): Ending {
  if (error instanceof Ended) return error.ending;
  if (error instanceof MusterError) {
    return { code: error.code, exitStatus: error.exitStatus, message: error.message, hint: error.hint, culprit };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : reasonOf(error);
  return { code: 'BUG', exitStatus: 70, message: stack, hint: 'Please report this with the command line.', culprit };
}
