import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { survivors, sweep } from '../../../src/process/survivors.ts';
import { fixture, inTime, isThere, talk } from './programs.ts';

const pidIn = (ready: string): number => Number(/^ready (\d+)$/.exec(ready)?.[1]);

describe('stop', () => {
  test('ends a program that obeys, long before the grace is over', async () => {
    const { child } = await talk(['sleep', '600']);
    const before = performance.now();
    expect(await inTime(child.stop(60_000), 'stop')).toBe(143);
    expect(performance.now() - before).toBeLessThan(30_000);
  });

  test('kills a tree that ignores SIGTERM, after the grace', async () => {
    const { child, runId, line } = await talk([fixture('ignore-term')]);
    const grandchild = pidIn(await line());
    const before = performance.now();
    expect(await inTime(child.stop(300), 'stop')).toBe(137);
    expect(performance.now() - before).toBeGreaterThanOrEqual(300);
    expect([isThere(child.pid), isThere(grandchild)]).toEqual([false, false]);
    expect(await survivors(runId)).toEqual([]);
  });

  test('gives the grace to the group, not only to its leader', async () => {
    // The shell dies of SIGTERM at once.
    const { child, line } = await talk(['sh', '-c', `${fixture('end-late')} & wait`]);
    expect(await line()).toBe('ready');
    const stopped = child.stop(60_000);
    expect(await line()).toBe('late');
    expect(await inTime(stopped, 'stop')).toBe(143);
  });

  test('sends one SIGTERM only', async () => {
    const { child, line } = await talk([fixture('print-signals')]);
    expect(await line()).toBe('ready');
    expect(await inTime(child.stop(300), 'stop')).toBe(137);
    expect(child.lastLines()).toEqual(['ready', 'SIGTERM']);
  });

  test('called again with no grace kills at once', async () => {
    const { child, line } = await talk([fixture('ignore-term')]);
    await line();
    const first = child.stop(60_000);
    expect(await inTime(child.stop(0), 'second stop')).toBe(137);
    expect(await inTime(first, 'first stop')).toBe(137);
  });

  test('ends a daemon in a session of its own whose parent is alive', async () => {
    const { child, line } = await talk([fixture('fork-and-linger'), 'wiped', 'deaf', 'stay']);
    const daemon = pidIn(await line());
    await inTime(child.stop(300), 'stop');
    expect(isThere(daemon)).toBe(false);
  });

  test('after the exit ends whom the leader left in the group, and gives the leader’s status', async () => {
    const { child, line } = await talk(['sh', '-c', 'sleep 600 & echo "ready $!"; exit 7']);
    const left = pidIn(await line());
    expect(await inTime(child.exited, 'exited')).toBe(7);
    expect(isThere(left)).toBe(true);
    expect(await inTime(child.stop(10_000), 'stop')).toBe(7);
    expect(isThere(left)).toBe(false);
  });

  test('after the exit ends a daemon that left group, session and parent (fault 34)', async () => {
    const { child, line } = await talk([fixture('fork-and-linger')]);
    const daemon = pidIn(await line());
    expect(await inTime(child.exited, 'exited')).toBe(0);
    expect(isThere(daemon)).toBe(true);
    expect(await inTime(child.stop(5_000), 'stop')).toBe(0);
    expect(isThere(daemon)).toBe(false);
  });

  test('after the exit ends a daemon that lost every tie since it was seen', async () => {
    const { child, line } = await talk([fixture('fork-and-linger'), 'wiped', 'stay']);
    const daemon = pidIn(await line());
    await child.remember();
    process.kill(child.pid, 'SIGKILL');
    expect(await inTime(child.exited, 'exited')).toBe(137);
    expect(isThere(daemon)).toBe(true);
    expect(await inTime(child.stop(10_000), 'stop')).toBe(137);
    expect(isThere(daemon)).toBe(false);
  });

  test('after everything ended does nothing', async () => {
    const { child } = await talk(['true']);
    await inTime(child.exited, 'exited');
    expect(await inTime(child.stop(0), 'stop')).toBe(0);
  });
});

describe('survivors', () => {
  test('of a run nobody started are none', async () => expect(await survivors(randomUUID())).toEqual([]));

  test('are matched by the whole id', async () => {
    const { runId } = await talk(['sleep', '600']);
    expect(await survivors(runId.slice(0, -1))).toEqual([]);
    expect(await survivors(`${runId}0`)).toEqual([]);
  });

  test('are named by their words', async () => {
    const { child, runId } = await talk(['sleep', '600']);
    expect(await survivors(runId)).toEqual([{ pid: child.pid, command: 'sleep 600' }]);
  });

  test('include a daemon that left group, session and parent; sweep ends it (fault 34)', async () => {
    const { child, runId, line } = await talk([fixture('fork-and-linger')]);
    const daemon = pidIn(await line());
    await inTime(child.exited, 'exited');
    expect((await survivors(runId)).map(({ pid }) => pid)).toEqual([daemon]);
    expect((await inTime(sweep(runId, 5_000), 'sweep')).map(({ pid }) => pid)).toEqual([daemon]);
    expect(isThere(daemon)).toBe(false);
    expect(await sweep(runId, 0)).toEqual([]);
  });

  test('include a process that wiped its environment', async () => {
    const { child, runId, line } = await talk([fixture('fork-and-linger'), 'wiped', 'stay']);
    const daemon = pidIn(await line());
    expect((await survivors(runId)).map(({ pid }) => pid).sort()).toEqual([child.pid, daemon].sort());
  });

  test('that ignore SIGTERM are killed after the grace', async () => {
    const { child, runId, line } = await talk([fixture('fork-and-linger'), 'deaf']);
    const daemon = pidIn(await line());
    await inTime(child.exited, 'exited');
    const before = performance.now();
    await inTime(sweep(runId, 300), 'sweep');
    expect(performance.now() - before).toBeGreaterThanOrEqual(300);
    expect(isThere(daemon)).toBe(false);
  });
});
