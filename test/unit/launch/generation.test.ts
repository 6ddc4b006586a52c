import { describe, expect, test } from 'vitest';
import { MusterError } from '../../../src/errors.ts';
import { Ended, endingOf, Generation } from '../../../src/launch/generation.ts';
import type { Ending } from '../../../src/launch/rally/rally.ts';

const ending = (message: string): Ending => ({
  code: 'GROUP_LOST',
  exitStatus: 79,
  message,
  hint: 'h',
  culprit: undefined,
});
const NEVER = new Promise<never>(() => {});

describe('the end', () => {
  test('the first reason wins; later ones are its consequences', async () => {
    const generation = new Generation();
    expect(generation.ending).toBeUndefined();
    generation.end(ending('first'));
    generation.end(ending('second'));
    expect((await generation.ended).message).toBe('first');
    expect(generation.ending?.message).toBe('first');
  });

  test('aborts every wait with the ending', () => {
    const generation = new Generation();
    expect(generation.signal.aborted).toBe(false);
    generation.end(ending('x'));
    expect(generation.signal.reason).toMatchObject({ name: 'Ended', ending: { message: 'x' } });
  });

  test.each([
    {
      when: 'a promise brings an ending',
      promise: () => Promise.resolve(ending('x')),
      want: { message: 'x', exitStatus: 79 },
    },
    {
      when: 'it fails as foreseen',
      promise: () => Promise.reject(new MusterError({ code: 'PORT_TAKEN', message: 'taken', hint: 'move' })),
      want: { code: 'PORT_TAKEN', exitStatus: 78, message: 'taken', hint: 'move' },
    },
    {
      when: 'it fails as a bug',
      promise: () => Promise.reject(new Error('oops')),
      want: { code: 'BUG', exitStatus: 70 },
    },
    {
      when: 'it fails by no error at all',
      promise: () => Promise.reject('oops'),
      want: { code: 'BUG', message: 'oops' },
    },
  ])('when $when → it ends with that', async ({ promise, want }) => {
    const generation = new Generation();
    generation.endWith(promise());
    expect(await generation.ended).toMatchObject(want);
  });
});

describe('until', () => {
  test('brings what is waited for', async () => {
    expect(await new Generation().until(Promise.resolve(1))).toBe(1);
  });

  test('brings its failure', async () => {
    await expect(new Generation().until(Promise.reject(new Error('x')))).rejects.toThrow('x');
  });

  test('brings the end, when that is first', async () => {
    const generation = new Generation();
    const waiting = generation.until(NEVER);
    generation.end(ending('over'));
    await expect(waiting).rejects.toMatchObject({ name: 'Ended', ending: { message: 'over' } });
  });

  test('after the end nothing is waited for', async () => {
    const generation = new Generation();
    generation.end(ending('over'));
    await expect(generation.until(NEVER)).rejects.toBeInstanceOf(Ended);
  });
});

describe('close', () => {
  test('last opened, first closed, one after the other, each told why', async () => {
    const generation = new Generation();
    const order: string[] = [];
    for (const name of ['a', 'b', 'c'])
      generation.onEnd(async ({ message }) => {
        order.push(`${name} ${message}`);
        await Promise.resolve();
        order.push(`${name} done`);
      });
    await generation.close(ending('x'));
    expect(order).toEqual(['c x', 'c done', 'b x', 'b done', 'a x', 'a done']);
  });

  test('one that fails does not stop the others, and is told at the end', async () => {
    const generation = new Generation();
    const order: string[] = [];
    generation.onEnd(async () => void order.push('a'));
    generation.onEnd(() => Promise.reject(new Error('b failed')));
    generation.onEnd(() => {
      throw new Error('c failed');
    });
    generation.onEnd(async () => void order.push('d'));
    await expect(generation.close(ending('x'))).rejects.toThrow('c failed');
    expect(order).toEqual(['d', 'a']);
  });

  test('what is registered while it closes is closed too', async () => {
    const generation = new Generation();
    const order: string[] = [];
    generation.onEnd(async () => void order.push('a'));
    generation.onEnd(async () => generation.onEnd(async () => void order.push('late')));
    await generation.close(ending('x'));
    expect(order).toEqual(['late', 'a']);
  });

  test('twice closes nothing twice', async () => {
    const generation = new Generation();
    let times = 0;
    generation.onEnd(async () => void times++);
    await generation.close(ending('x'));
    await generation.close(ending('x'));
    expect(times).toBe(1);
  });
});

describe('open', () => {
  test('what was opened is closed', async () => {
    const generation = new Generation();
    const closed: string[] = [];
    expect(
      await generation.open(
        async () => 'it',
        async (it, { message }) => closed.push(it, message),
      ),
    ).toBe('it');
    await generation.close(ending('x'));
    expect(closed).toEqual(['it', 'x']);
  });

  test('what is still opening at the end is waited for and closed: nobody is left behind', async () => {
    const generation = new Generation();
    const opening = Promise.withResolvers<string>();
    const closed: string[] = [];
    const opened = generation.open(
      () => opening.promise,
      async (it) => closed.push(it),
    );
    generation.end(ending('x'));
    await expect(opened).rejects.toBeInstanceOf(Ended);
    const close = generation.close(ending('x'));
    opening.resolve('late');
    await close;
    expect(closed).toEqual(['late']);
  });

  test('what fails to open has nothing to close', async () => {
    const generation = new Generation();
    const opened = generation.open(
      () => Promise.reject(new Error('no')),
      () => Promise.reject(new Error('never')),
    );
    await expect(opened).rejects.toThrow('no');
    await generation.close(ending('x'));
  });

  test('after the end nothing is opened', async () => {
    const generation = new Generation();
    generation.end(ending('x'));
    let opened = false;
    const opening = generation.open(
      async () => {
        opened = true;
      },
      async () => {},
    );
    await expect(opening).rejects.toBeInstanceOf(Ended);
    expect(opened).toBe(false);
  });
});

test.each([
  { what: 'an end', error: new Ended(ending('x')), want: ending('x') },
  {
    what: 'a foreseen failure with a status of its own',
    error: new MusterError({ code: 'SERVER_EXITED', message: 'm', hint: 'h' }, { exitStatus: 3 }),
    want: { code: 'SERVER_EXITED', exitStatus: 3, message: 'm', hint: 'h', culprit: 'me' },
  },
  {
    what: 'a number',
    error: 5,
    want: { code: 'BUG', exitStatus: 70, message: '5', hint: expect.stringContaining('report'), culprit: 'me' },
  },
])('$what as an ending', ({ error, want }) => {
  expect(endingOf(error, 'me')).toEqual(want);
});
