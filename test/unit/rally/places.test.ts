/** The shared maps behind the roll, against plain ones: same content, and what was there before stays as it was. */

import { describe, expect, test } from 'vitest';
import { isPresent, type Place, Places } from '../../../src/launch/rally/places.ts';
import type { Phase } from '../../../src/launch/rally/rally.ts';
import { Trie } from '../../../src/launch/rally/trie.ts';
import fc from '../../property.ts';

describe('a trie', () => {
  const keys = fc.oneof(fc.nat({ max: 2000 }), fc.nat(), fc.string({ maxLength: 6 }));
  const change = fc.record({ key: keys, value: fc.option(fc.nat(), { nil: undefined }) });

  test('holds what a map holds, and its older selves keep what they held', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
        let trie = new Trie<string | number, number>();
        const map = new Map<string | number, number>();
        const olds: (readonly [typeof trie, typeof map])[] = [];
        for (const { key, value } of changes) {
          olds.push([trie, new Map(map)]);
          trie = value === undefined ? trie.without(key) : trie.with(key, value);
          if (value === undefined) map.delete(key);
          else map.set(key, value);
        }
        for (const [old, was] of [...olds.slice(-20), [trie, map] as const])
          for (const { key } of changes) expect(old.get(key)).toBe(was.get(key));
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  test('holds names whose hashes collide', () => {
    // Two pairs with the same FNV-1a hash: costarring/liquid, declinate/macallums.
    const names = ['costarring', 'liquid', 'declinate', 'macallums'];
    const others = Array.from({ length: 500 }, (_, index) => `worker-${index}`);
    const trie = [...names, ...others].reduce(
      (before, name, index) => before.with(name, index),
      new Trie<string, number>(),
    );
    expect(names.map((name) => trie.without('liquid').get(name))).toEqual([0, undefined, 2, 3]);
  });
});

describe('places', () => {
  const phases: readonly Phase[] = ['joined', 'engine', 'ready', 'stopping'];
  const place = fc.record({
    rank: fc.nat({ max: 200 }),
    conn: fc.boolean(),
    phase: fc.constantFrom(...phases),
  });
  const change = fc.oneof(
    { weight: 4, arbitrary: place },
    { weight: 1, arbitrary: fc.record({ without: fc.nat({ max: 200 }) }) },
  );

  test('find by rank, stream and name, and count, whatever changed', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        let places = new Places();
        const model = new Map<number, Place>();
        for (const [index, each] of changes.entries()) {
          if ('without' in each) {
            places = places.without(each.without);
            model.delete(each.without);
            continue;
          }
          const next = aPlace(each.rank, each.conn ? 1000 + index : undefined, each.phase, index);
          places = places.with(next);
          model.set(next.rank, next);
        }
        same(places, model);
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  test('older places stay as they were', () => {
    const one = new Places().with(aPlace(1, 7, 'joined', 0));
    const two = one.with(aPlace(1, 8, 'ready', 1));
    expect([one.of(7)?.phase, one.of(8), one.countIn(['ready'])]).toEqual(['joined', undefined, 0]);
    expect([two.of(7), two.of(8)?.phase, two.countIn(['ready'])]).toEqual([undefined, 'ready', 1]);
  });

  function same(places: Places, model: ReadonlyMap<number, Place>) {
    const inOrder = [...model.values()].sort((a, b) => a.rank - b.rank);
    expect([...places.values()]).toEqual(inOrder);
    expect([places.size, places.present]).toEqual([model.size, inOrder.filter(isPresent).length]);
    for (const each of inOrder) {
      expect(places.named(each.hello.member)).toBe(each);
      if (each.conn !== undefined) expect(places.of(each.conn)).toBe(each);
    }
    for (const phase of phases)
      expect(places.countIn([phase])).toBe(inOrder.filter((each) => each.rank > 0 && each.phase === phase).length);
    expect(places.lowestFree).toBe([...Array(300).keys()].find((rank) => !model.has(rank)));
  }
});

const aPlace = (rank: number, conn: number | undefined, phase: Phase, life: number): Place => ({
  rank,
  hello: { member: `m${rank}-${life % 3}`, incarnation: 'ab', address: '::1', devices: undefined },
  conn,
  phase,
  phaseSince: 0,
  heardAt: 0,
  lostAt: undefined,
});
