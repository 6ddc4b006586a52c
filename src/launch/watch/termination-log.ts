/** Where a member's last words go, and writing them there. */
import { accessSync, closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
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

/**
 * Writes `text` over what is there; a failure is one warning, for no status hangs on it. A pipe is not waited for.
 *
 * All or nothing: on a full disk the file is left empty, so that nobody reads half a line, and the kubelet falls back to
 * the log where it was told to (terminationMessagePolicy). It cannot be replaced by rename: Kubernetes mounts the file.
 */
export function writeLastWords(path: string, text: string, warn: (message: string) => void): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = constants;
  try {
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o644);
    try {
      writeAll(file, Buffer.from(`${text}\n`));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    warn(`the termination log ${path} cannot be written: ${reasonOf(error)}`);
  }
}

/** One write(2) may take less than it is given, and say why only at the next. */
function writeAll(file: number, bytes: Buffer): void {
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  } catch (error) {
    if (fstatSync(file).isFile()) ftruncateSync(file);
    throw error;
  }
}
