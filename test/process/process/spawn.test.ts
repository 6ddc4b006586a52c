import { describe, expect, test } from 'vitest';
import { FORWARDED } from '../../../src/process/signals.ts';
import { start } from '../../../src/process/spawn.ts';
import { fixture, inheritedDescriptors, inParallel, inTime, PATH, runWith, talk } from './programs.ts';

/** Every signal whose default action ends a process (signal(7)). */
const DEADLY = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31];

async function statusOfRun(argv: readonly [string, ...string[]]): Promise<number> {
  const child = await start({ argv, env: { PATH } }, { stdio: 'capture', runId: 'status-of-run' });
  return inTime(child.exited, argv.join(' '));
}

describe('exited', () => {
  test('mirrors all 256 exit codes (fault 38)', async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    expect(await inParallel(codes, 8, (code) => statusOfRun([fixture('exit-with'), `${code}`]))).toEqual(codes);
  });

  test('mirrors every deadly signal as 128 + n (fault 38)', async () => {
    const statuses = await inParallel(DEADLY, 8, (n) => statusOfRun([fixture('die-by-signal'), `${n}`]));
    expect(statuses).toEqual(DEADLY.map((n) => 128 + n));
  });

  test('does not wait for a daemon that keeps the pipe open', async () => {
    const { child } = await talk([fixture('fork-and-linger')]);
    expect(await inTime(child.exited, 'exited')).toBe(0);
  });
});

describe('signal', () => {
  test('hands every forwarded signal to the program (fault 38)', async () => {
    const { child, line } = await talk([fixture('print-signals')]);
    expect(await line()).toBe('ready');
    for (const name of FORWARDED) {
      child.signal(name);
      expect(await line()).toBe(name);
    }
  });

  test('reaches the whole group', async () => {
    const { child, line } = await talk(['sh', '-c', `trap '' USR1; ${fixture('print-signals')}; :`]);
    expect(await line()).toBe('ready');
    child.signal('SIGUSR1');
    expect(await line()).toBe('SIGUSR1');
  });

  test('to a program that is gone does nothing', async () => {
    const { child } = await talk(['true']);
    await inTime(child.exited, 'exited');
    child.signal('SIGTERM');
  });
});

describe('capture', () => {
  test('keeps stdout and stderr as lines', async () => {
    const { child } = await talk(['sh', '-c', 'echo out; echo err >&2; printf "\\033[1mlast"; exit 3']);
    expect(await inTime(child.exited, 'exited')).toBe(3);
    expect([...child.lastLines()].sort()).toEqual(['\\x1b[1mlast', 'err', 'out']);
  });

  test('keeps the last 40 lines of many', async () => {
    const { child } = await talk(['seq', '100000']);
    await inTime(child.exited, 'exited');
    expect(child.lastLines()).toEqual(Array.from({ length: 40 }, (_, index) => `${99_961 + index}`));
  });

  test('stays small under 256 MiB without a newline (fault 12)', async () => {
    const before = process.memoryUsage().rss;
    const { child, line } = await talk([fixture('write-without-end')]);
    expect(Buffer.byteLength(await line())).toBeLessThanOrEqual(2048);
    expect(await line()).toBe('last');
    expect(await inTime(child.exited, 'exited')).toBe(0);
    expect(child.lastLines()).toHaveLength(2);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });
});

describe('inherit', () => {
  test('is our own stdio, blocking, although execa looked at it', async () => {
    const { stdout, stderr, status } = await runWith('start-runner.ts', {
      command: { argv: [fixture('write-megabyte')], env: { PATH } },
    });
    expect([status, stdout.length, stderr]).toEqual([0, 1_000_000, '1000000']);
  });

  test('leads its own session and group, with no signal ignored or blocked and no extra descriptor', async () => {
    const { stdout } = await runWith('start-runner.ts', {
      command: { argv: ['cat', '/proc/self/stat', '/proc/self/status'], env: { PATH } },
    });
    const text = stdout.toString();
    const [pid, , , , group, session] = text.split(' ');
    expect([group, session]).toEqual([pid, pid]);
    expect(text).toMatch(/^SigBlk:\s*0{16}\nSigIgn:\s*0{16}$/m);
    const { stdout: list } = await runWith('start-runner.ts', {
      command: { argv: ['ls', '/proc/self/fd'], env: { PATH } },
    });
    expect(list.toString()).toBe(await inheritedDescriptors());
  });
});

describe('start refuses', () => {
  test.each([
    { argv: ['no-such-program'], code: 'NOT_FOUND', exitStatus: 127 },
    { argv: ['/usr'], code: 'NOT_EXECUTABLE', exitStatus: 126 },
    { argv: ['true', 'x'.repeat(131_072)], code: 'ARGS_TOO_LONG', exitStatus: 126 },
  ] as const)('$code → $exitStatus (fault 29)', async ({ argv, code, exitStatus }) => {
    const started = start({ argv: [...argv], env: { PATH } }, { stdio: 'capture', runId: 'refused' });
    await expect(started).rejects.toMatchObject({ code, exitStatus });
  });

  test('when the system has no room: 71', async () => {
    const { status, stderr } = await runWith('start-runner.ts', {
      command: { argv: ['true'], env: { PATH } },
      full: true,
    });
    expect([status, stderr]).toEqual([71, expect.stringContaining('SPAWN_FAILED: true could not be started: EMFILE')]);
  });
});
