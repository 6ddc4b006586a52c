#!/usr/bin/env node
/** Builds the real World and exits with what the program returns; nothing else. */
import { writeSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pkg from '../package.json' with { type: 'json' };
import { continueUnderOwnNode, isNewEnough } from './process/own-node.ts';
import { FORWARDED } from './process/signals.ts';
import { writeStderr } from './process/write-stderr.ts';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
if (!isNewEnough(process.versions.node)) {
  process.exit(await continueUnderOwnNode(home, process.argv.slice(1), writeStderr));
}
// Filled by `npm run build`; where it cannot be written (read-only root) it is only read.
enableCompileCache(join(home, 'dist', '.compile-cache'));
const { run } = await import('./main.ts');

process.exit(
  await run({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    home,
    pid: process.pid,
    // An installed muster is one file, and stands where a Node has its script too (src/install/seal.ts).
    again: [process.execPath, ...process.execArgv, ...process.argv.slice(process.argv[1] === process.execPath ? 2 : 1)],
    version: pkg.version,
    now: () => performance.now(),
    epochMs: performance.timeOrigin,
    stdout: (text) => void writeSync(1, text),
    stderr: writeStderr,
    onSignal: (handler) => {
      const signals = FORWARDED;
      for (const signal of signals) process.on(signal, handler);
      return () => {
        for (const signal of signals) process.off(signal, handler);
      };
    },
  }),
);

/** Found by where it lies, so that it may be moved; a Node that cannot (before 24.12) goes without. */
function enableCompileCache(directory: string): void {
  try {
    nodeModule.enableCompileCache({ directory, portable: true });
  } catch {
    // It only costs time.
  }
}
