/**
 * Finds runtimes: files in the user's directories first, then those that ship with muster.
 *
 * The shipped files were parsed and checked at build time (`dist/catalogue.json` keeps each text beside its result); a
 * file that was edited since is seen because its text differs, and is parsed again.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MusterError, reasonOf } from '../../errors.ts';
import { MAX_RUNTIME_BYTES } from './limits.ts';
import type { Runtime } from './schema.ts';

export interface Entry {
  readonly runtime: Runtime;
  /** Absolute path of the YAML. */
  readonly file: string;
  /** Directory of the YAML: `{runtime_dir}`. */
  readonly directory: string;
}

/** Text of a YAML file to its parsed runtime, by file name; made by `npm run build`. */
export type Compiled = Readonly<Record<string, { readonly text: string; readonly runtime: Runtime }>>;

/** Directories in the order they are searched; the first that has `NAME.yaml` wins. */
export interface Shelves {
  readonly directories: readonly string[];
  readonly compiled: Compiled;
}

/** @throws MusterError RUNTIME_UNKNOWN (64) with the nearest names, RUNTIME_INVALID (65) */
export async function findRuntime(name: string, shelves: Shelves): Promise<Entry> {
  for (const directory of shelves.directories) {
    const file = join(directory, `${name}.yaml`);
    const text = NAME.test(name) ? readIfThere(file) : undefined;
    if (text !== undefined) return load(file, text, shelves.compiled);
  }
  const known = namesIn(shelves.directories);
  throw new MusterError({
    code: 'RUNTIME_UNKNOWN',
    message: `there is no runtime "${name}" in ${shelves.directories.join(', ')}; there are: ${known.join(', ') || 'none'}`,
    hint: 'Use one of these, add a YAML file with --runtimes DIR, or start any command with `muster run`.',
  });
}

const NAME = /^[a-z0-9][a-z0-9-]*$/;

/** Every runtime, each name once, sorted by name. */
export async function allRuntimes(shelves: Shelves): Promise<readonly Entry[]> {
  return Promise.all(namesIn(shelves.directories).map((name) => findRuntime(name, shelves)));
}

async function load(file: string, text: string, compiled: Compiled): Promise<Entry> {
  const name = file.slice(dirname(file).length + 1);
  const known = compiled[name];
  const runtime = known?.text === text ? known.runtime : (await import('./parse.ts')).parseRuntime(text, file);
  if (`${runtime.name}.yaml` !== name) {
    throw new MusterError({
      code: 'RUNTIME_INVALID',
      message: `runtime file ${file} names itself "${runtime.name}"`,
      hint: `Rename the file to ${runtime.name}.yaml, or the runtime to ${name.replace(/\.yaml$/, '')}.`,
    });
  }
  return { runtime, file, directory: dirname(file) };
}

function namesIn(directories: readonly string[]): string[] {
  const names = directories.flatMap((directory) => {
    try {
      return readdirSync(directory).filter((file) => file.endsWith('.yaml'));
    } catch (cause) {
      throw new MusterError({
        code: 'CONFIG_INVALID',
        message: `runtime directory ${directory} cannot be read: ${reasonOf(cause)}`,
        hint: 'Correct --runtimes or MUSTER_RUNTIMES (directories, separated by ":").',
      });
    }
  });
  return [...new Set(names.map((file) => file.replace(/\.yaml$/, '')))].filter((name) => NAME.test(name)).sort();
}

function readIfThere(file: string): string | undefined {
  try {
    // Before it is read: neither a disk image nor a pipe or device that never ends is.
    const stat = statSync(file);
    if (!stat.isFile()) throw new Error('it is no file');
    if (stat.size > MAX_RUNTIME_BYTES) throw new Error(`${stat.size} bytes, more than ${MAX_RUNTIME_BYTES}`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MusterError(
      {
        code: 'RUNTIME_INVALID',
        message: `runtime file ${file} cannot be read: ${reasonOf(cause)}`,
        hint: 'Correct the file or its directory (--runtimes, MUSTER_RUNTIMES), and that the user muster runs as may read it.',
      },
      { cause },
    );
  }
}
