/** Where a member's last words go, and writing them there. */
import { accessSync, closeSync, constants, openSync, writeSync } from 'node:fs';
import { reasonOf } from '../../errors.ts';

const DEFAULT_PATH = '/dev/termination-log';

/** Where the last words go: what was asked for, else Kubernetes' own place if it is there and ours to write. */
export function terminationLogPath(asked: string | undefined, usual = DEFAULT_PATH): string | undefined {
  if (asked !== undefined) return asked;
  try {
    accessSync(usual, constants.W_OK);
    return usual;
  } catch {
    return undefined;
  }
}

/** Writes `text` over what is there; a failure is one warning, for no status hangs on it. A pipe is not waited for. */
export function writeLastWords(path: string, text: string, warn: (message: string) => void): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = constants;
  try {
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o644);
    try {
      writeSync(file, `${text}\n`);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    warn(`the termination log ${path} cannot be written: ${reasonOf(error)}`);
  }
}
