/** Real files: what Kubernetes mounts, and what it may be instead. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { terminationLogPath, writeLastWords } from '../../../src/launch/watch/termination-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'last-words-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
});

const write = (path: string) => {
  const warnings: string[] = [];
  writeLastWords(path, '{"v":1}', (message) => warnings.push(message));
  return warnings;
};

test('what was there before is replaced', () => {
  const path = join(directory, 'log');
  writeFileSync(path, 'something much longer than the last words');
  expect(write(path)).toEqual([]);
  expect(readFileSync(path, 'utf8')).toBe('{"v":1}\n');
});

test.each([
  { when: 'its directory is not there', path: 'nowhere/log', says: 'ENOENT' },
  { when: 'it is a directory', path: '.', says: 'EISDIR' },
  { when: 'it is a pipe that nobody reads', path: 'pipe', says: 'ENXIO' },
])('when $when: one warning, at once', ({ path, says }) => {
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  const warnings = write(join(directory, path));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(says);
});

test.each([
  { when: 'asked for', asked: '/x/y', there: false, want: '/x/y' },
  { when: 'Kubernetes has mounted one', asked: undefined, there: true, want: 'usual' },
  { when: 'there is none', asked: undefined, there: false, want: undefined },
])('$when: $want', ({ asked, there, want }) => {
  const usual = join(directory, 'usual');
  if (there) writeFileSync(usual, '');
  expect(terminationLogPath(asked, usual)).toBe(want === 'usual' ? usual : want);
});
