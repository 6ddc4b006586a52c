/** What a person sees while a group comes up: on a terminal a table drawn anew, elsewhere what is new. */
import { expect, test } from 'vitest';
import { begin, step } from '../../../src/local/progress.ts';
import { openScreen } from '../../../src/local/screen.ts';
import { sight } from './fixture.ts';

function shown(columns: (() => number) | undefined) {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  return { screen: openScreen({ columns, write, title: 'g: 2 members', now: () => 1_000 }), text: () => text };
}

/** Four lines up, and away with what follows. */
const ANEW = '\x1b[4A\x1b[J';

const looks = () => {
  const first = step(begin(['g-0', 'g-1'], 0), [sight(0)], 500);
  return [first, step(first.progress, [sight(0), sight(1)], 1_000)] as const;
};

test('elsewhere: a line for each thing that is new, and no control characters', () => {
  const { screen, text } = shown(undefined);
  for (const { progress, news } of looks()) screen.update(progress, news);
  screen.say('done \x1b[2J');
  expect(text()).toBe('g-0: joined (rank 0) after 0.5 s\ng-1: joined (rank 1) after 1 s\ndone \\x1b[2J\n');
});

test('on a terminal: each frame takes the place of the one before; a line that is said stays', () => {
  const { screen, text } = shown(() => 80);
  const [first, second] = looks();
  screen.update(first.progress, first.news);
  expect(text()).toMatch(/^g: 2 members {2}\+1 s\nMEMBER .*\ng-0 .*joined.*\ng-1 .*absent.*\n$/);
  const before = text().length;
  screen.update(second.progress, second.news);
  expect(text().slice(before).startsWith(`${ANEW}g: 2 members`)).toBe(true);
  screen.say('g is ready');
  expect(text().endsWith(`${ANEW}g is ready\n`)).toBe(true);
  const said = text().length;
  screen.update(second.progress, []);
  expect(text().slice(said)).toMatch(/^g: 2 members/);
});
