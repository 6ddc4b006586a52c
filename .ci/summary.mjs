/**
 * What the gate says last: every test that was not run, every failure with its first words (a log that is cut at its head
 * still tells them), and the closing line `N passed, N failed, N skipped`. Ends with 1 if anything failed or nothing ran.
 *
 *     node .ci/summary.mjs REPORT.json…      (as vitest's json reporter writes them)
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const LINES = 12;

/** The head of a message, without colours: what is needed to know which expectation failed. */
function firstWords(message) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
  const lines = message.replace(/\x1b\[[0-9;]*m/g, '').split('\n');
  const ours = lines.filter((line) => !/node_modules|^ *at (?:async )?new Promise/.test(line));
  return ours.slice(0, LINES).map((line) => `    ${line.slice(0, 300)}`);
}

/** A file that cannot be loaded fails without a test in it: it counts as one failure, with its own message. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (failed.length === 0 && status === 'failed') return [[`failed: ${file}`, ...firstWords(message ?? '')].join('\n')];
  return failed.map((test) => [`failed: ${file}: ${test.fullName}`, ...firstWords(test.failureMessages.join('\n'))].join('\n'));
}

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const failures = report.testResults.flatMap(failuresOf);
  for (const { assertionResults } of report.testResults)
    for (const { status, fullName } of assertionResults)
      if (status === 'pending' || status === 'skipped') console.log(`not run: ${fullName}`);
  for (const failure of failures) console.log(failure);
  sum.passed += report.numPassedTests;
  // Should the report count more than it lists, the larger number is the true one.
  sum.failed += Math.max(failures.length, report.numFailedTests, report.success ? 0 : 1);
  sum.skipped += report.numPendingTests + report.numTodoTests;
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);
