/** Shows how a group comes up: a table that is drawn anew on a terminal, a line for each thing that is new elsewhere. */
import { printable } from '../printable.ts';
import type { Progress } from './progress.ts';
import { frame } from './show.ts';

export interface Screen {
  update(progress: Progress, news: readonly string[]): void;
  /** One line that stays. */
  say(line: string): void;
}

export interface ScreenOptions {
  /** Undefined: no terminal. */
  readonly columns: (() => number) | undefined;
  readonly write: (text: string) => void;
  readonly title: string;
  readonly now: () => number;
}

export function openScreen({ columns, write, title, now }: ScreenOptions): Screen {
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const say = (line: string) => {
    clear();
    write(`${printable(line)}\n`);
  };
  if (!columns) return { say, update: (_progress, news) => news.forEach(say) };
  return {
    say,
    update: (progress) => {
      const lines = frame(progress, title, columns(), now());
      clear();
      write(`${lines.join('\n')}\n`);
      drawn = lines.length;
    },
  };
}
