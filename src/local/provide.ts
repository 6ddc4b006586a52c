/** A muster to be carried into containers: the installation this program runs from, else one made of it, once a version. */
import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MusterError } from '../errors.ts';
import type { World } from '../world.ts';

/** One entry of the archive, by its path below the folder. */
export type Carried =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly from: string;
      readonly bytes: number;
      readonly program: boolean;
    }
  | { readonly kind: 'folder'; readonly name: string }
  | { readonly kind: 'link'; readonly name: string; readonly to: string };

export interface Provided {
  readonly entries: readonly Carried[];
  readonly bytes: number;
}

/** @throws MusterError INSTALL_SOURCE, INSTALL_TARGET, DISK_FULL: what `muster install` says */
export async function provide(world: World): Promise<Provided> {
  const folder = await installed(world);
  if (!existsSync(join(folder, 'lib', 'tini'))) {
    throw new MusterError({
      code: 'INSTALL_SOURCE',
      message: 'there is no static tini to carry into the containers, where something must reap orphans',
      hint: 'Install tini (Debian: apt-get install tini), or run the muster of its image.',
    });
  }
  // What is in use; the version before may lie beside it.
  const entries = [...entriesOf(folder, 'muster'), ...libraryOf(folder)];
  return { entries, bytes: entries.reduce((sum, each) => sum + (each.kind === 'file' ? each.bytes : 0), 0) };
}

async function installed({ home, env, version, again }: World): Promise<string> {
  if (existsSync(join(home, 'install.json'))) return dirname(home);
  const { install } = await import('../install/install.ts');
  const cache = env.XDG_CACHE_HOME || join(env.HOME || '/var/tmp', '.cache');
  const dir = join(cache, 'muster', 'local');
  await install({ dir, home, self: again[0] ?? '', version, node: process.versions.node });
  return dir;
}

/** `lib` is a link to the version in use. */
function libraryOf(folder: string): readonly Carried[] {
  const lib = join(folder, 'lib');
  if (!lstatSync(lib).isSymbolicLink()) return entriesOf(folder, 'lib');
  const to = readlinkSync(lib);
  return [...entriesOf(folder, to), { kind: 'link', name: 'lib', to }];
}

/** Readable by all, whoever installed it: the user of the image is anybody. */
function entriesOf(folder: string, name: string): readonly Carried[] {
  const from = join(folder, name);
  const stat = lstatSync(from);
  if (stat.isSymbolicLink()) return [{ kind: 'link', name, to: readlinkSync(from) }];
  if (stat.isDirectory()) {
    return [{ kind: 'folder', name }, ...readdirSync(from).flatMap((each) => entriesOf(folder, join(name, each)))];
  }
  return stat.isFile() ? [{ kind: 'file', name, from, bytes: stat.size, program: (stat.mode & 0o111) !== 0 }] : [];
}
