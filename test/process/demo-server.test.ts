/** The demo server's own tests, in Python: one test here for each file there, side by side for they mostly wait. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const TESTS = join(ROOT, 'runtimes/demo/tests');
const PYTHON = join(ROOT, '.venv/bin/python3');
const files = readdirSync(TESTS).filter((name) => /^test_.*\.py$/.test(name));

test.concurrent.for(files)('%s', { timeout: 480_000 }, async (file, { expect, skip, onTestFinished }) => {
  if (!existsSync(PYTHON)) skip('no .venv with ray and numpy');
  const argv = ['-m', 'unittest', '--verbose', basename(file, '.py')];
  // Of its own group, so that what it started can be ended with it should it hang.
  const python = spawn(PYTHON, argv, { cwd: TESTS, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  onTestFinished(() => {
    if (python.exitCode === null && python.signalCode === null) process.kill(-python.pid!, 'SIGKILL');
  });
  const output: Buffer[] = [];
  for (const stream of [python.stdout, python.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const status = await new Promise((resolve) => python.once('close', (code, signal) => resolve(code ?? signal)));
  const said = Buffer.concat(output).toString();
  expect(status, said).toBe(0);
  expect(said).toMatch(/^Ran [1-9]\d* tests? /m);
});
