/** Who we are, and where this user may write. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Disk, diskAt, lets, textAt } from './files.ts';

export interface Place {
  /** What it is for, e.g. `HOME`. */
  readonly name: string;
  readonly path: string;
  /** The directory, or the nearest above it that is there, lets us write. */
  readonly writable: boolean;
  readonly disk: Disk | undefined;
}

export interface AccountFacts {
  readonly uid: number;
  /** The name in /etc/passwd; undefined: this uid has no entry. */
  readonly name: string | undefined;
  readonly places: readonly Place[];
}

type Env = Readonly<Record<string, string | undefined>>;

export function lookAtAccount(root: string, uid: number, env: Env): AccountFacts {
  const temp = env.RAY_TMPDIR || env.TMPDIR || '/tmp';
  const cache = env.HF_HUB_CACHE || env.HF_HOME || (env.HOME ? join(env.HOME, '.cache/huggingface') : undefined);
  return {
    uid,
    name: accountOf(textAt(root, '/etc/passwd') ?? '', uid),
    places: [
      ...(env.HOME ? [place('HOME', env.HOME)] : []),
      place('temp', temp),
      ...(cache === undefined ? [] : [place('hub cache', cache)]),
    ],
  };
}

/** passwd(5). Pure. */
export function accountOf(passwd: string, uid: number): string | undefined {
  const fields = passwd.split('\n').map((line) => line.split(':'));
  return fields.find(([, , id]) => id === String(uid))?.[0];
}

function place(name: string, path: string): Place {
  const there = nearest(path);
  return { name, path, writable: path.startsWith('/') && lets(there, 'create'), disk: diskAt('', there) };
}

/** A directory that is not there is made by whoever needs it, if the one above lets it. */
function nearest(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
