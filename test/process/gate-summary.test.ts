import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';

/** The gate's closing words, of reports as vitest writes them. */
const SUMMARY = resolve('.ci/summary.mjs');
const folder = mkdtempSync(join(tmpdir(), 'summary-'));
let reports = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly status: 'passed' | 'failed' | 'pending' | 'todo';
  readonly fullName: string;
  readonly failureMessages: readonly string[];
}

const told = (status: Told['status'], fullName: string, ...failureMessages: string[]): Told => ({
  status,
  fullName,
  failureMessages,
});

function report(files: Record<string, { readonly message?: string; readonly tests: readonly Told[] }>): string {
  const tests = Object.values(files).flatMap((file) => file.tests);
  const count = (status: Told['status']) => tests.filter((test) => test.status === status).length;
  const testResults = Object.entries(files).map(([name, { message = '', tests }]) => ({
    name: resolve(name),
    message,
    status: message !== '' || tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
    assertionResults: tests,
  }));
  const path = join(folder, `${reports++}.json`);
  writeFileSync(
    path,
    JSON.stringify({
      success: testResults.every(({ status }) => status === 'passed'),
      numPassedTests: count('passed'),
      numFailedTests: count('failed'),
      numPendingTests: count('pending'),
      numTodoTests: count('todo'),
      testResults,
    }),
  );
  return path;
}

const summary = (...reports: string[]) => execa('node', [SUMMARY, ...reports], { reject: false });

test('counts both tiers, and ends well when all passed', async () => {
  const { stdout, exitCode } = await summary(
    report({ 'test/a.test.ts': { tests: [told('passed', 'a'), told('passed', 'b')] } }),
    report({ 'test/c.test.ts': { tests: [told('passed', 'c'), told('pending', 'no Docker')] } }),
  );
  expect({ stdout, exitCode }).toEqual({ stdout: 'not run: no Docker\n3 passed, 0 failed, 1 skipped', exitCode: 0 });
});

test('names a failed test, its file and the first words of its message, without colours', async () => {
  const message = `\u001b[31mAssertionError\u001b[39m: expected 1 to be 2\n${'    at somewhere\n'.repeat(50)}`;
  const { stdout, exitCode } = await summary(
    report({ 'test/a.test.ts': { tests: [told('failed', 'a group a test', message), told('passed', 'b')] } }),
  );
  const lines = stdout.split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'failed: test/a.test.ts: a group a test',
    '    AssertionError: expected 1 to be 2',
  ]);
  expect(lines.length).toBeLessThan(20);
  expect({ last: lines.at(-1), exitCode }).toEqual({ last: '1 passed, 1 failed, 0 skipped', exitCode: 1 });
});

test('a file that cannot be loaded is one failure, with its message', async () => {
  const { stdout, exitCode } = await summary(
    report({
      'test/a.test.ts': { message: 'SyntaxError: no such export', tests: [] },
      'test/b.test.ts': { tests: [told('passed', 'b')] },
    }),
  );
  expect({ stdout, exitCode }).toEqual({
    stdout: 'failed: test/a.test.ts\n    SyntaxError: no such export\n1 passed, 1 failed, 0 skipped',
    exitCode: 1,
  });
});

test('nothing that ran is a failure', async () => {
  const { stdout, exitCode } = await summary(report({}));
  expect({ stdout, exitCode }).toEqual({ stdout: '0 passed, 0 failed, 0 skipped', exitCode: 1 });
});
