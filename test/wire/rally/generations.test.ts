/** One generation after the other, on the same port: what a restart of the group needs of the rally. */
import { describe, expect, test } from 'vitest';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { aFreePort, aHead, aMember, aStartedGroup, hello, incarnation } from './fixture.ts';

const over: Ending = { code: 'ENGINE_LOST', exitStatus: 79, message: 'GCS is gone', hint: '', culprit: 'head' };
const self = (name: string, preferredRank: number, life = 1) =>
  hello(name, { address: '127.0.0.1', preferredRank, incarnation: incarnation(name, life) });

describe('the next generation', () => {
  test('opens on the same port at once, and its members keep their ranks', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const { head, members } = await aStartedGroup(names, { port: await aFreePort() });
    const ranks = new Map<string, number>();
    for (const [index, { seated }] of members.entries()) ranks.set(names[index]!, (await seated).rank);

    await head.stop(over);
    const next = await aHead({ port: head.port, worldSize: 5, generation: 2 });
    for (const { ended } of members) expect(await ended).toEqual(over);
    // In the other order: without their preference they would get each other's ranks.
    for (const name of names.toReversed()) {
      const back = aMember(name, next.port, { self: self(name, ranks.get(name)!) });
      expect(await back.seated).toMatchObject({ rank: ranks.get(name), generation: 2 });
    }
    await next.assembled;
  });

  test('is found by members that come while the former one closes, old process or new', async () => {
    const { head, members } = await aStartedGroup(['a', 'b'], { port: await aFreePort() });
    const [a, b] = await Promise.all(members.map(async ({ seated }) => (await seated).rank));
    const stopping = head.stop(over);
    const back = [
      aMember('a', head.port, { self: self('a', a!) }),
      aMember('b', head.port, { self: self('b', b!, 2) }),
    ];
    await stopping;
    const next = await aHead({ port: head.port, worldSize: 3, generation: 2 });
    expect((await next.assembled).map(({ rank }) => rank)).toEqual([0, 1, 2]);
    expect(await Promise.all(back.map(async ({ seated }) => (await seated).rank))).toEqual([a, b]);
  });

  test('opens though somebody still holds a connection to the former', async () => {
    const { head, wires } = await aStartedGroup(['a'], { port: await aFreePort() });
    wires[0]!.deafen(); // it never hears that it is over
    await head.stop(over);
    const next = await aHead({ port: head.port, generation: 2 });
    expect((await aMember('a', next.port).seated).generation).toBe(2);
  });

  test('gives who has no preference the lowest rank nobody has', async () => {
    const head = await aHead({ worldSize: 3, generation: 2 });
    expect((await aMember('b', head.port, { self: self('b', 2) }).seated).rank).toBe(2);
    expect((await aMember('new', head.port).seated).rank).toBe(1);
  });
});
