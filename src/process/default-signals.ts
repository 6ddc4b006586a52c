/**
 * A way to start a program with SIGPIPE and SIGXFSZ at their defaults. Node ignores both, an ignored signal stays
 * ignored through execve, and Node cannot reset one; so `yes | head` in a successor would never end quietly.
 *
 * The way is env(1) of coreutils 8.31 or later; going through it costs 0.7 ms. Whether it can is read from its file
 * rather than asked of it: a look costs 0.2 ms, running it would cost 2.
 */
import { readFileSync, statSync } from 'node:fs';

const PLACES = ['/usr/bin/env', '/bin/env'] as const;
/** Bytes; more than any env, coreutils or busybox in one binary needs. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/**
 * @param file    what preflight found; env takes a word with `=` for an assignment, so such a path cannot go through it
 * @param places  where env may be
 * @returns       words to put before `file`, the first of them the file to execute; nothing if no env here can do it
 */
export function defaultSignals(
  file: string,
  places: readonly string[] = PLACES,
): readonly [string, ...string[]] | undefined {
  if (file.includes('=') || !file.includes('/')) return undefined;
  const env = places.find(resetsSignals);
  return env === undefined ? undefined : [env, '--default-signal=PIPE,XFSZ', '--'];
}

function resetsSignals(env: string): boolean {
  try {
    return statSync(env).size <= MAX_FILE_BYTES && readFileSync(env).includes('default-signal');
  } catch {
    return false;
  }
}
