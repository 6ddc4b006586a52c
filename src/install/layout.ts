/**
 * What an installed folder looks like, and what may become of a directory that was named. Pure.
 *
 *     DIR/muster              one executable file: Node, which loads lib/dist/start.cjs from beside it
 *     DIR/lib -> lib-ID       the version in use; a process that runs keeps the one it started from
 *     DIR/lib-ID/             dist/, runtimes/, tini, licences, install.json
 *
 * A new version is written into `.installing-…` and becomes the one in use by two renames; the one before stays beside
 * it, for what still runs from it loads files as it needs them.
 */
import type { Refusal } from '../errors.ts';

/** `lib/install.json`: how a folder of ours is known. */
export interface Mark {
  readonly name: 'muster';
  readonly version: string;
  /** Version, and a hash over everything installed. */
  readonly id: string;
  readonly node: string;
  /** Of the file `muster`. */
  readonly bytes: number;
}

/** What is there now. */
export type Target =
  | { readonly kind: 'absent' }
  | { readonly kind: 'file' }
  /** `mark`: of the version in use, when the folder is ours; `bytes`: of its file `muster`, when there is one. */
  | {
      readonly kind: 'folder';
      readonly entries: readonly string[];
      readonly mark?: Mark | undefined;
      readonly bytes?: number | undefined;
    };

export type Todo = 'write' | 'nothing';

export const STAGE = '.installing-';

/** A volume that was just made may have this. */
const NOT_SOMEBODYS = new Set(['lost+found']);

/** What to do with `dir`, or why it is not touched. `id`: of what would be installed. */
export function decide(dir: string, target: Target, id: string): Todo | Refusal {
  if (target.kind === 'absent') return 'write';
  if (target.kind === 'file') {
    return {
      code: 'INSTALL_TARGET',
      message: `${dir} is a file, not a directory`,
      hint: 'Name a directory that is empty, is not there yet, or holds a muster that was installed before.',
    };
  }
  if (target.mark) return target.mark.id === id && target.bytes === target.mark.bytes ? 'nothing' : 'write';
  const foreign = target.entries.filter((entry) => !NOT_SOMEBODYS.has(entry) && !entry.startsWith(STAGE));
  if (foreign.length === 0) return 'write';
  const some = foreign.slice(0, 3).join(', ');
  return {
    code: 'INSTALL_NOT_OURS',
    message: `${dir} is not empty and holds no muster: ${some}${foreign.length > 3 ? ` and ${foreign.length - 3} more` : ''}`,
    hint: `Nothing was changed. Name a folder of its own, e.g. ${dir}/muster.`,
  };
}

/** The text of an install.json, or undefined when it is none of ours. */
export function parseMark(text: string | undefined): Mark | undefined {
  try {
    const { name, version, id, node, bytes } = JSON.parse(text ?? '') as Partial<Mark>;
    const texts = [version, id, node].every((each) => typeof each === 'string');
    return name === 'muster' && texts && typeof bytes === 'number'
      ? ({ name, version, id, node, bytes } as Mark)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Libraries nobody needs any more: all but the one in use and the one before it. */
export const outdated = (entries: readonly string[], keep: readonly (string | undefined)[]): string[] =>
  entries.filter((entry) => entry.startsWith('lib-') && !keep.includes(entry));

/** Beside the copies a file system takes some room of its own. */
const SPARE_BYTES = 4 << 20;

/** @param freeBytes undefined: the file system does not say */
export function roomRefusal(dir: string, needBytes: number, freeBytes: number | undefined): Refusal | undefined {
  const need = needBytes + SPARE_BYTES;
  if (freeBytes === undefined || freeBytes >= need) return undefined;
  return {
    code: 'DISK_FULL',
    message: `${dir} has ${megabytes(freeBytes)} MB free, and muster needs ${megabytes(need)} MB`,
    hint: 'Nothing was changed. Give the volume more room (an emptyDir: sizeLimit), or name another directory.',
  };
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** What a failed system call of the installation means to whoever typed it. */
export function refusalOf(dir: string, error: NodeJS.ErrnoException): Refusal | undefined {
  const message = `${dir} cannot be written: ${error.message}`;
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        code: 'INSTALL_TARGET',
        message,
        hint: 'Let this user write there (in a pod: fsGroup, or an emptyDir), and mount it without readOnly for the installation.',
      };
    case 'ENOTDIR':
    case 'ENOENT':
    case 'EEXIST':
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return { code: 'INSTALL_TARGET', message, hint: 'Name a directory that can be made or written.' };
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return { code: 'DISK_FULL', message, hint: `Give the volume more room; what was written is removed again.` };
    default:
      return undefined;
  }
}
