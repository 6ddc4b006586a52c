/** muster as the first process of a real PID namespace, made by unshare(1); that needs root. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const MUSTER = [process.execPath, join(root, 'dist/bin.js'), 'run'];
const DOUBLE_FORK = '(setsid sh -c "sleep 0.05" & ) ; sleep 0.3; ps -eo stat | grep -c Z';

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(argv: readonly string[]): Promise<Outcome> {
  const [program = '', ...args] = argv;
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { timeout: 20_000 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code: number; stdout?: string; stderr?: string };
    return { status: code, stdout, stderr };
  }
}

beforeEach(({ skip }) => {
  if (process.getuid?.() !== 0) skip('a PID namespace needs root');
});

describe('with tini on PATH', () => {
  beforeEach(({ skip }) => {
    if (!existsSync('/usr/bin/tini')) skip('there is no tini: apt-get install tini');
  });

  test.each(['exec', 'supervise'])(
    '%s: tini is PID 1, orphans are reaped, the status is mirrored (fault 14)',
    async (takeover) => {
      const script = `cat /proc/1/comm; ${DOUBLE_FORK}; exit 7`;
      const { status, stdout } = await run([
        ...NAMESPACE,
        ...MUSTER,
        `--takeover=${takeover}`,
        '--',
        'sh',
        '-c',
        script,
      ]);
      expect({ status, words: stdout.trim().split('\n') }).toEqual({ status: 7, words: ['tini', '0'] });
    },
  );
});

test('without tini supervise warns once, and runs (fault 14)', async () => {
  const path = mkdtempSync(join(tmpdir(), 'no-tini-'));
  symlinkSync('/bin/sh', join(path, 'sh'));
  const argv = [...MUSTER, '--takeover=supervise', '--', 'sh', '-c', 'exit 3'];
  const { status, stderr } = await run(['/usr/bin/env', ...NAMESPACE, '/usr/bin/env', `PATH=${path}`, ...argv]);
  rmSync(path, { recursive: true });
  expect(status).toBe(3);
  expect(stderr.split('\n').filter((line) => line.includes('PID 1'))).toHaveLength(1);
});
