import { expect, onTestFinished, test, vi } from 'vitest';
import { OwnTime } from '../../../../src/gateway/transform/own-time.ts';

function timed(limitMs: number) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const late = vi.fn();
  return { late, time: new OwnTime(limitMs, late) };
}

test('is over at its limit', () => {
  const { late } = timed(100);
  vi.advanceTimersByTime(99);
  expect(late).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(late).toHaveBeenCalledOnce();
});

test('stands still while something is waited for, and goes on from there', async () => {
  const { late, time } = timed(100);
  const waits = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vi.advanceTimersByTime(60);
  const both = waits.map(({ promise }) => time.waiting(promise));
  vi.advanceTimersByTime(10_000);
  waits[0]!.resolve();
  await both[0];
  vi.advanceTimersByTime(10_000);
  waits[1]!.resolve();
  await both[1];
  vi.advanceTimersByTime(39);
  expect(late).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(late).toHaveBeenCalledOnce();
});

test('is never over after its end, whatever was waited for', async () => {
  const { late, time } = timed(100);
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = time.waiting(promise);
  time.end();
  resolve();
  await waiting;
  vi.advanceTimersByTime(1_000);
  expect(late).not.toHaveBeenCalled();
});
