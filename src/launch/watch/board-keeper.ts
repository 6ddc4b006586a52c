/** The one place of a process that holds its board: makes a change, tells who listens. */
import { type Board, type Change, changed, newBoard, type Self } from './board.ts';

type Listener = (board: Board, before: Board) => void;

export class BoardKeeper {
  readonly #now: () => number;
  readonly #listeners = new Set<Listener>();
  #board: Board;

  /** @param now milliseconds on the monotonic clock */
  constructor(self: Self, now: () => number) {
    this.#now = now;
    this.#board = newBoard(self, now());
  }

  get board(): Board {
    return this.#board;
  }

  change(change: Change): void {
    const before = this.#board;
    const board = changed(before, change, this.#now());
    if (board === before) return;
    this.#board = board;
    for (const listener of [...this.#listeners]) listener(board, before);
  }

  /** Called after each change that changed something; must not throw. @returns how to stop listening */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
