import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findTini, initPlan, UNDER_INIT, underTini } from '../../../src/process/init.ts';

describe('initPlan', () => {
  test.each([
    { when: 'somebody else is PID 1', pid: 7, tini: '/t', env: {}, want: 'fine' },
    { when: 'PID 1 with tini at hand', pid: 1, tini: '/t', env: {}, want: 'reparent' },
    { when: 'PID 1 without tini', pid: 1, tini: undefined, env: {}, want: 'warn' },
    { when: 'PID 1 although tini was tried', pid: 1, tini: '/t', env: { [UNDER_INIT]: '1' }, want: 'warn' },
  ])('$when → $want', ({ pid, tini, env, want }) => {
    expect(initPlan({ pid, env, tini })).toBe(want);
  });
});

test('underTini keeps the command as it is behind --', () => {
  const command = { argv: ['server', '--', '-g', ''], env: { A: 'b' } } as const;
  expect(underTini('/usr/bin/tini', command)).toEqual({
    argv: ['/usr/bin/tini', '-g', '--', 'server', '--', '-g', ''],
    env: { A: 'b' },
  });
});

describe('findTini', () => {
  function tini(mode: number): string {
    const directory = mkdtempSync(join(tmpdir(), 'tini-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'tini'), '');
    chmodSync(join(directory, 'tini'), mode);
    return directory;
  }

  test('skips what is not executable and relative PATH entries', () => {
    const directory = tini(0o644);
    expect(findTini(`.:${directory}`, [])).not.toBe(join(directory, 'tini'));
  });
  test('prefers the one beside muster, then PATH', () => {
    const directory = tini(0o755);
    expect(findTini(directory)).toBe(join(directory, 'tini'));
    expect(findTini('/usr/bin', [join(directory, 'tini')])).toBe(join(directory, 'tini'));
  });
});
