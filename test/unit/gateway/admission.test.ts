/** Who may run, who waits, who is turned away. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import { Admission } from '../../../src/gateway/ops/admission.ts';

const never = new AbortController().signal;
const admission = (over: object = {}) => new Admission({ maxRunning: 1, maxWaiting: 2, maxWaitMs: 60_000, ...over });

describe('Admission', () => {
  test('lets as many run as there are places, and the next when one leaves, in order', async () => {
    const door = admission();
    const order: string[] = [];
    const leave = await door.enter(never);
    const second = door.enter(never).then((go) => {
      order.push('second');
      return go;
    });
    const third = door.enter(never).then((go) => {
      order.push('third');
      return go;
    });
    expect([door.running, door.waiting]).toEqual([1, 2]);
    leave();
    (await second)();
    (await third)();
    expect(order).toEqual(['second', 'third']);
    expect([door.running, door.waiting]).toEqual([0, 0]);
  });

  test('turns away whom it has no room for with 429 and Retry-After', async () => {
    const door = admission({ maxWaiting: 0 });
    await door.enter(never);
    await expect(door.enter(never)).rejects.toMatchObject({ status: 429, retryAfter: 1 });
  });

  test('nobody who comes between takes the place of who waits', async () => {
    const door = admission();
    const leave = await door.enter(never);
    const waits = door.enter(never);
    leave();
    const late = door.enter(never);
    expect([door.running, door.waiting]).toEqual([1, 1]);
    (await waits)();
    (await late)();
  });

  test('who has less time than the queue gives learns of its own deadline, 504', async () => {
    const door = admission();
    await door.enter(never);
    await expect(door.enter(never, 5)).rejects.toMatchObject({
      status: 504,
      message: 'the request waited 5 ms behind 1 others, until its deadline',
    });
    expect(door.waiting).toBe(0);
  });

  test('who waited too long is turned away, and its place in the queue is free', async () => {
    const door = admission({ maxWaitMs: 5 });
    const leave = await door.enter(never);
    await expect(door.enter(never)).rejects.toMatchObject({
      status: 429,
      message: expect.stringContaining('waited 5 ms'),
    });
    expect(door.waiting).toBe(0);
    leave();
    expect(door.running).toBe(0);
  });

  test.each([{ when: 'while it waits' }, { when: 'before it came' }])(
    'a client that goes $when is forgotten',
    async ({ when }) => {
      const door = admission();
      await door.enter(never);
      const gone = new AbortController();
      if (when === 'before it came') gone.abort();
      const waits = door.enter(gone.signal);
      gone.abort();
      await expect(waits).rejects.toBeInstanceOf(Failure);
      expect(door.waiting).toBe(0);
    },
  );

  test('leaving twice gives back one place', async () => {
    const door = admission({ maxRunning: 2 });
    const leave = await door.enter(never);
    await door.enter(never);
    leave();
    leave();
    expect(door.running).toBe(1);
  });
});
