import { expect, test } from 'vitest';
import { complaintsOf, type Event } from '../../soak/history.ts';

const life = (rank: number, nth = 1) => `m${rank}#${nth}`;
const start = (at: number, rank: number, generation: number, how: { nth?: number; headLife?: number } = {}): Event => ({
  at,
  on: 'started',
  life: life(rank, how.nth),
  rank,
  generation,
  headLife: how.headLife ?? 1,
});
const ended = (at: number, rank: number, nth?: number): Event => ({ at, on: 'ended', life: life(rank, nth), rank });
const over = (at: number, rank: number, nth?: number): Event => ({ at, on: 'over', life: life(rank, nth), rank });

const all = (of: (rank: number) => Event) => [0, 1, 2, 3].map(of);
/** Two generations; then the head is killed, and its next life counts from 1. */
const GOOD = [
  ...all((rank) => start(10 + rank, rank, 1)),
  ...all((rank) => ended(20 + rank, rank)),
  ...all((rank) => start(30 + rank, rank, 2)),
  over(40, 0),
  ...[1, 2, 3].map((rank) => ended(40 + rank, rank)),
  ...all((rank) => start(50 + rank, rank, 1, { headLife: 2, nth: rank === 0 ? 2 : 1 })),
  ...all((rank) => over(60, rank, rank === 0 ? 2 : 1)),
];

test('a history of two heads', () => expect(complaintsOf(GOOD, 4)).toEqual([]));

test.each<{ when: string; events: readonly Event[]; says: string }>([
  {
    when: 'two have one rank',
    events: [...GOOD, start(14, 2, 1, { nth: 9 }), over(15, 2, 9)],
    says: 'generation 1 of head 1: rank 2 was started by m2#1 and m2#9',
  },
  {
    when: 'one starts alone',
    events: [start(1, 1, 1), over(2, 1)],
    says: 'generation 1 of head 1: started by 1 of 4 members',
  },
  {
    when: 'a start has no end',
    events: GOOD.filter((event) => !(event.on === 'ended' && event.rank === 3 && event.at === 23)),
    says: 'm3#1: generation 1 did not end before the next start',
  },
  {
    when: 'a life never ends',
    events: GOOD.filter((event) => !(event.at === 60 && event.rank === 1)),
    says: 'm1#1: generation 1 never ended',
  },
  {
    when: 'a generation comes twice',
    events: [
      ...all((rank) => start(10, rank, 2)),
      ...all((rank) => ended(20, rank)),
      ...all((rank) => start(30, rank, 2)),
      ...all((rank) => over(40, rank)),
    ],
    says: 'm1#1: generation 2 was started after 2',
  },
  {
    when: 'a straggler starts in what is over',
    events: [...GOOD, start(35, 1, 1, { nth: 8 }), over(36, 1, 8)],
    says: 'm1#8: generation 1 was started after m0#1 had begun 2',
  },
])('$when', ({ events, says }) => expect(complaintsOf(events, 4)).toContain(says));
