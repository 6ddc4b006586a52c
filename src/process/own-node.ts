/**
 * muster started by a Node that is too old for it (`node dist/bin.js` on a Debian with Node 20): it goes on under the Node
 * that it was installed with, as its child. Nothing here may need more than Node 18.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, type ExitStatus } from '../errors.ts';
import { FORWARDED, statusOf } from './signals.ts';

/** process.execve and node:module's compile cache; the version that is tested. */
const NEEDED = 24;

export const isNewEnough = (version: string): boolean => Number(version.split('.')[0]) >= NEEDED;

/**
 * @param argv the script and its arguments
 * @returns the exit status of the other Node; 70 when there is none, or it cannot be started
 */
export function continueUnderOwnNode(
  home: string,
  argv: readonly string[],
  say: (text: string) => void,
): Promise<ExitStatus> {
  const node = [join(home, 'node_modules', 'node', 'bin', 'node'), join(home, 'node')].find(existsSync);
  if (node === undefined) {
    say(
      `muster: BUG it needs Node ${NEEDED}, and was started by Node ${process.versions.node}\n→ Install Node ${NEEDED}, or run \`npm ci\` in ${home}.\n`,
    );
    return Promise.resolve(EXIT.bug);
  }
  return new Promise((resolve) => {
    const child = spawn(node, argv, { stdio: 'inherit' });
    for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
    child.once('error', (error) => {
      say(`muster: BUG ${node} cannot be started: ${error.message}\n→ Run \`npm ci\` in ${home} again.\n`);
      resolve(EXIT.bug);
    });
    child.once('exit', (code, signal) => resolve(statusOf(code, signal)));
  });
}
