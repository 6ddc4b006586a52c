/** No room for the last words: the status is what it was, one warning says so, and no half line is left to be read. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { BIN, type Ended, RUNTIMES, test } from '../support/stage.ts';

const LAUNCH = ['launch', 'model-server', `--runtimes=${RUNTIMES}`, '--takeover=supervise'];
const SERVER = ['--', '--exit=7'];

function expectNothingWritten({ status, stderr }: Ended, log: string, why: string): void {
  expect(status, stderr).toBe(7);
  const warnings = stderr.split('\n').filter((line) => line.includes('the termination log'));
  expect(warnings).toEqual([expect.stringMatching(new RegExp(`${log} cannot be written: .*${why}`))]);
  expect(readFileSync(log, 'utf8')).toBe('');
}

describe('the last words', () => {
  test.for([0, 1, 100])('when a file may have %i bytes only (fault 9)', async (bytes, { stage }) => {
    const log = join(stage.directory(), 'log');
    const limited = ['prlimit', `--fsize=${bytes}`, process.execPath, BIN] as const;
    // What Node would write for itself is not what is tried here.
    const env = { NODE_DISABLE_COMPILE_CACHE: '1' };
    const muster = stage.start([...LAUNCH, `--termination-log=${log}`, ...SERVER], { program: limited, env });
    expectNothingWritten(await muster.ended(), log, 'EFBIG');
  });

  test('on a disk without a free byte (fault 9)', async ({ stage, skip, onTestFinished }) => {
    if (process.getuid?.() !== 0) skip('mounting a tmpfs needs root');
    const mount = mkdtempSync(join(tmpdir(), 'full-'));
    onTestFinished(() => rmdirSync(mount));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      skip('a tmpfs cannot be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', ['--lazy', mount])); // before the directory goes: last in, first out
    const log = join(mount, 'log');
    writeFileSync(log, '');
    fill(join(mount, 'rest'));
    const muster = stage.start([...LAUNCH, `--termination-log=${log}`, ...SERVER]);
    expectNothingWritten(await muster.ended(), log, 'ENOSPC');
  });
});

/** Until the file system takes nothing more. */
function fill(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(1024), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  expect(statSync(file).size).toBeGreaterThan(0);
}
