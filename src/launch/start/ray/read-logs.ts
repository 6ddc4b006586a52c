/** Tails of Ray's own logs, which name causes that `ray start` does not. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { RAY_LOGS, type RayLog } from './diagnose.ts';
import { rayTempOf } from './sessions.ts';

/** Bytes read from the end of each file. */
const TAIL = 8 * 1024;

/**
 * @param rayArgs further arguments of `ray start`: its logs are below `--temp-dir`, by default /tmp/ray
 * @param since   wall clock, ms: files last written before are of another session
 */
export function readRayLogs(rayArgs: readonly string[], since: number): Partial<Record<RayLog, string>> {
  const logs = join(rayTempOf(rayArgs), 'session_latest', 'logs');
  return Object.fromEntries(
    RAY_LOGS.map((name) => [name, tail(join(logs, name), since)] as const).filter(([, text]) => text),
  );
}

function tail(file: string, since: number): string {
  try {
    const fd = openSync(file, 'r');
    try {
      const { size, mtimeMs } = fstatSync(fd);
      if (mtimeMs < since) return '';
      const buffer = Buffer.alloc(Math.min(TAIL, size));
      readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
