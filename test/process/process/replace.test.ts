import { chmodSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixture, inheritedDescriptors, PATH, runWith, temporaryDirectory } from './programs.ts';

const become = (argv: readonly string[], how: { eager?: boolean; cwd?: string; env?: Record<string, string> } = {}) => {
  const { cwd, env = { PATH }, eager = false } = how;
  return runWith('replace-runner.ts', { command: { argv, env }, eager }, cwd ? { cwd } : {});
};

describe('the successor', () => {
  test('has our PID (fault 36)', async () => {
    const { stdout, pid } = await become(['cat', '/proc/self/stat']);
    expect(Number.parseInt(stdout.toString(), 10)).toBe(pid);
  });

  test('has our working directory', async () => {
    const cwd = realpathSync(temporaryDirectory());
    expect((await become(['readlink', '/proc/self/cwd'], { cwd })).stdout.toString()).toBe(`${cwd}\n`);
  });

  test('is started without a warning', async () => {
    expect(await become(['true'])).toMatchObject({ status: 0, stderr: '' });
  });

  test.each([false, true])('ignores and blocks no signal (execa imported: %s) (fault 36)', async (eager) => {
    const { stdout } = await become(['cat', '/proc/self/status'], { eager });
    const set = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(stdout.toString())?.[1];
    expect([set('SigIgn'), set('SigBlk'), set('SigCgt')]).toEqual(Array(3).fill('0'.repeat(16)));
  });

  test.each([false, true])('has no descriptor of ours (execa imported: %s) (fault 36)', async (eager) => {
    const { stdout } = await become(['ls', '/proc/self/fd'], { eager });
    expect(stdout.toString()).toBe(await inheritedDescriptors());
  });

  test.each([false, true])('has blocking stdio (execa imported: %s) (fault 36)', async (eager) => {
    const { stdout } = await become(['cat', ...[0, 1, 2].map((fd) => `/proc/self/fdinfo/${fd}`)], { eager });
    const flags = [...stdout.toString().matchAll(/^flags:\s*([0-7]+)/gm)].map(([, octal]) =>
      Number.parseInt(octal!, 8),
    );
    expect(flags.map((each) => each & 0o4000)).toEqual([0, 0, 0]);
  });

  test.each([false, true])('writes a megabyte by one write (execa imported: %s)', async (eager) => {
    const { stdout, stderr } = await become([fixture('write-megabyte')], { eager });
    expect([stdout.length, stderr]).toEqual([1_000_000, '1000000']);
  });

  test('ends a pipe of its own quietly', async () => {
    expect(await become(['sh', '-c', 'yes | head -1'])).toMatchObject({ status: 0, stderr: '' });
  });

  test('gives its own status', async () => expect((await become([fixture('exit-with'), '42'])).status).toBe(42));

  test('dies by its own signal', async () =>
    expect((await become([fixture('die-by-signal'), '15'])).signal).toBe('SIGTERM'));
});

test('a path with = starts too, past env(1), and says what is different', async () => {
  const program = join(temporaryDirectory(), 'a=b');
  writeFileSync(program, '#!/bin/sh\necho "$0" "$@"\n');
  chmodSync(program, 0o755);
  const { status, stdout, stderr } = await become([program, 'x']);
  expect([status, stdout.toString()]).toEqual([0, `${program} x\n`]);
  expect(stderr).toContain('SIGPIPE and SIGXFSZ ignored');
});

describe('a command that cannot be executed is refused, and Node does not abort', () => {
  const script =
    (content: string, mode = 0o755) =>
    () => {
      const file = join(temporaryDirectory(), 'program');
      writeFileSync(file, content);
      chmodSync(file, mode);
      return [file];
    };

  test.each([
    { when: 'not on PATH', argv: () => ['no-such-program'], status: 127, code: 'NOT_FOUND' },
    { when: 'not at its path', argv: () => ['/no/such/program'], status: 127, code: 'NOT_FOUND' },
    { when: 'without a name', argv: () => [''], status: 127, code: 'NOT_FOUND' },
    { when: 'with a missing interpreter', argv: script('#!/no/such\n'), status: 127, code: 'NOT_FOUND' },
    { when: 'not executable', argv: script('#!/bin/sh\n', 0o644), status: 126, code: 'NOT_EXECUTABLE' },
    { when: 'a directory', argv: () => ['/usr'], status: 126, code: 'NOT_EXECUTABLE' },
    { when: 'of no known format', argv: script('echo hello\n'), status: 126, code: 'NOT_EXECUTABLE' },
    { when: 'with one long argument', argv: () => ['true', 'x'.repeat(131_072)], status: 126, code: 'ARGS_TOO_LONG' },
    {
      when: 'with many long ones',
      argv: () => ['true', ...Array(16).fill('x'.repeat(131_071))],
      status: 126,
      code: 'ARGS_TOO_LONG',
    },
    { when: 'with a NUL', argv: () => ['true', 'a\0b'], status: 126, code: 'NOT_EXECUTABLE' },
  ])('$when → $status (fault 29)', async ({ argv, status, code }) => {
    const ended = await become(argv());
    expect(ended).toMatchObject({ status, signal: null, stderr: expect.stringContaining(`${code}: `) });
  });

  test('the longest argument and the fullest list still start', async () => {
    const full = Array(15).fill('x'.repeat(131_071));
    expect(await become(['true', ...full])).toMatchObject({ status: 0, stderr: '' });
  });
});
