import { describe, expect, test } from 'vitest';
import { headWaits, newsOf } from '../../../src/launch/rally/awaited.ts';
import { awaited } from '../../../src/launch/rally/leases.ts';
import { open, reduce } from '../../../src/launch/rally/reducer.ts';
import { closed, type Happening, hello, play, rules, says, tick } from './fixture.ts';

const refused: Happening = [
  4_000,
  {
    on: 'turned-away',
    who: 'stranger at 10.0.0.9',
    refusal: { code: 'TOKEN_WRONG', message: 'another token', hint: '' },
  },
];

describe('whom the head waits for', () => {
  const shown = (schedule: readonly Happening[], now: number) =>
    headWaits(play(rules(), schedule).roll, now)?.awaited.map(
      ({ member, rank, layer, since, detail }) => `${member} ${rank} ${layer} since ${since}: ${detail}`,
    );

  test.each<{ when: string; schedule: readonly Happening[]; want: readonly string[] | undefined }>([
    {
      when: 'nobody is in',
      schedule: [],
      want: ['undefined 1 rally since 0: has not reported yet', 'undefined 2 rally since 0: has not reported yet'],
    },
    {
      when: 'one came and went, another was refused',
      schedule: [[1_000, says(1, hello('worker-1', { wantedRank: 1 }))], [2_000, closed(1)], refused],
      want: [
        'worker-1 1 rally since 2000: was in, and is gone; its seat is kept',
        'undefined 2 rally since 0: has not reported yet',
        'stranger at 10.0.0.9 undefined hello since 4000: refused: TOKEN_WRONG: another token',
      ],
    },
    {
      when: 'all are in',
      schedule: [
        [1_000, says(1, hello('worker-1'))],
        [1_000, says(2, hello('worker-2'))],
      ],
      want: undefined,
    },
  ])('$when', ({ schedule, want }) => expect(shown(schedule, 5_000)).toEqual(want));

  test('the line is that of the log; a large group is told in part', () => {
    const { roll } = play(rules({ worldSize: 1000 }), []);
    const waits = headWaits(roll, 5_000);
    expect(waits?.line).toBe(awaited(roll, 5_000));
    expect(waits?.awaited).toHaveLength(64);
  });
});

test('news are what each step changed for a worker; the end of all of them is none', () => {
  let { roll } = open(rules(), 0);
  const news = (...[at, event]: Happening) => {
    const before = roll;
    const step = reduce(before, event, at);
    roll = step.roll;
    return newsOf(before, step, event).map(({ what, member, rank, phase }) => `${what} ${member} ${rank} ${phase}`);
  };
  expect(news(1, says(1, hello('worker-1')))).toEqual(['arrived worker-1 1 joined']);
  expect(news(2, says(2, hello('stranger', { terms: { runtime: 'another' }, digest: 'x' })))).toEqual([]);
  expect(news(3, tick())).toEqual([]);
  expect(news(4, closed(1))).toEqual(['gone worker-1 1 joined']);
  const again = hello('worker-1', { incarnation: 'ab12' });
  expect(news(5, says(3, again))).toEqual(['arrived worker-1 1 joined']);
  expect(news(6, says(4, hello('worker-2')))).toEqual(['arrived worker-2 2 joined']);
  expect(news(7, { on: 'report', conn: 4, phase: 'engine' })).toEqual(['phase worker-2 2 engine']);
  expect(news(8, { on: 'report', conn: 4, phase: 'engine' })).toEqual([]);
  expect(news(9, tick(0, [[3, 9]]))).toEqual([]);
  expect(news(9_000, tick())).toEqual([]);
  expect(roll.stage).toBe('over');
});
