/**
 * Finds the file behind a program's name, as execvp(3) does: a name with a slash is a path, any other is looked up in
 * each directory of PATH. A match that cannot be executed is passed over, and reported if nothing better comes.
 */
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import type { Refusal } from '../errors.ts';

export type Found =
  | { readonly ok: true; readonly file: string }
  /** `exists`: something is there, but it is no program we may run. */
  | { readonly ok: false; readonly exists: boolean; readonly refusal: Refusal };

/** What glibc's execvp searches when PATH is unset. An empty PATH is not unset. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * @param name  what the user wrote as the program
 * @param path  value of PATH; an empty entry means the working directory (POSIX, 8.3)
 * @returns     the file, relative only if `name` or the PATH entry was
 */
export function findProgram(name: string, path: string = DEFAULT_PATH): Found {
  if (name === '') return missing('the program to run is an empty string', 'Write a program after --.');
  if (name.includes('/')) return look(name);
  let inTheWay: Found | undefined;
  for (const directory of path.split(':')) {
    const found = look(`${directory || '.'}/${name}`);
    if (found.ok) return found;
    if (found.exists) inTheWay ??= found;
  }
  const hint = 'Check that the image holds it, extend PATH, or write its full path.';
  return inTheWay ?? missing(`${name} is in no directory of PATH (${path})`, hint);
}

function look(file: string): Found {
  let stat: Stats;
  try {
    stat = statSync(file);
  } catch (error) {
    return unreachable(file, (error as NodeJS.ErrnoException).code ?? 'ENOENT');
  }
  if (!stat.isFile()) {
    const kind = stat.isDirectory() ? 'a directory' : 'no regular file';
    return blocked(`${file} is ${kind}`, 'Name the program itself.');
  }
  try {
    accessSync(file, constants.X_OK);
    return { ok: true, file };
  } catch {
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    const hint = `chmod +x it, or mount its volume without noexec; this process is uid ${process.getuid?.() ?? '?'}.`;
    return blocked(`${file} may not be executed (mode ${mode})`, hint);
  }
}

/** @param errno  ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG; EACCES: a directory on the way may not be entered */
function unreachable(file: string, errno: string): Found {
  if (errno !== 'EACCES') {
    return missing(`${file} does not exist (${errno})`, 'Check that the image holds it, and its spelling.');
  }
  const refusal = blocked(`${file} cannot be reached (EACCES)`, 'Let this user enter each directory on the way.');
  return { ...refusal, exists: false };
}

const missing = (message: string, hint: string) =>
  ({ ok: false, exists: false, refusal: { code: 'NOT_FOUND', message, hint } }) as const;

const blocked = (message: string, hint: string) =>
  ({ ok: false, exists: true, refusal: { code: 'NOT_EXECUTABLE', message, hint } }) as const;
