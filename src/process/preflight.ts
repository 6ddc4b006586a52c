/**
 * Everything that would make execve(2) fail, found before it is called: a failed `process.execve` aborts Node 24 (134,
 * and 139 as PID 1) where no code can catch it, and a failed spawn says little more than ENOENT.
 *
 * Statuses are a shell's: 127 not found, 126 found but not executable.
 */
import type { Refusal } from '../errors.ts';
import { noRoom } from './argument-room.ts';
import type { Command } from './command.ts';
import { findProgram } from './find-program.ts';
import { unloadable } from './loadable.ts';

/** The file to execute, or why that would fail. */
export type Preflight =
  | { readonly ok: true; readonly file: string }
  | { readonly ok: false; readonly refusal: Refusal };

/** Looks at the disk and at this process's limits; starts nothing. The answer is true only as long as the disk is. */
export function preflight(command: Command): Preflight {
  const tooLong = noRoom(command);
  if (tooLong) return { ok: false, refusal: tooLong };
  const path = command.env.PATH;
  const found = findProgram(command.argv[0], path);
  if (!found.ok) return { ok: false, refusal: found.refusal };
  const refusal = unloadable(found.file, path);
  return refusal ? { ok: false, refusal } : found;
}
