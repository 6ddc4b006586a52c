/** The files that make an installation, where they come from, and how they are copied. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { MusterError } from '../errors.ts';
import { type Image, sealOf } from './seal.ts';

/** A file or folder of ours, and its name in `lib/`. */
export interface Part {
  readonly from: string;
  readonly to: string;
}

export interface Source {
  readonly parts: readonly Part[];
  /** A Node to be sealed, or a muster that was: then there is no `blob` to seal it with. */
  readonly binary: string;
  readonly blob: string | undefined;
}

/** Made by the build, or by Python as it runs; of no use to whoever starts from there. */
const LEFT_OUT = /(\/(__pycache__|tests|\.muster-stamp)|\.js\.map)$/;

const ALWAYS = ['dist', 'runtimes', 'LICENSE'];
const TINI = ['/usr/bin/tini-static', '/usr/local/bin/tini-static', '/sbin/docker-init', '/usr/bin/docker-init'];

/**
 * @param home where this muster lives: a checkout, an npm package, or the `lib` of an installation
 * @param self the running executable
 * @throws MusterError INSTALL_SOURCE when something is missing from it
 */
export function sourceIn(home: string, self: string): Source {
  const isInstalled = existsSync(join(home, 'install.json'));
  const parts = ALWAYS.map((name) => ({ from: join(home, name), to: name }));
  const nodes = [join(home, 'node_modules', 'node', 'bin', 'node'), self];
  const licence = nodeLicence(home);
  const tini = [join(home, 'tini'), ...TINI].find(existsSync);
  const needed = [...parts.map(({ from }) => from), join(home, 'dist', 'start.blob')];
  const missing = needed.filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new MusterError({
      code: 'INSTALL_SOURCE',
      message: `this muster lacks ${missing.join(', ')}`,
      hint: 'Install from a built one: `npm run build` in the checkout, or the image.',
    });
  }
  return {
    parts: [
      ...parts,
      ...(licence ? [{ from: licence, to: 'LICENSE.node' }] : []),
      ...(tini ? [{ from: tini, to: 'tini' }] : []),
    ],
    binary: isInstalled ? self : (nodes.find(existsSync) ?? self),
    blob: isInstalled ? undefined : join(home, 'dist', 'start.blob'),
  };
}

function nodeLicence(home: string): string | undefined {
  const packages = join(home, 'node_modules', 'node', 'node_modules');
  const inside = existsSync(packages) ? readdirSync(packages).map((name) => join(packages, name, 'LICENSE')) : [];
  return [join(home, 'LICENSE.node'), ...inside].find(existsSync);
}

/** Every file of a part with its size; what the folder is identified by, and how much room it needs. */
export function contentsOf({ parts }: Source): { readonly bytes: number; readonly hash: string } {
  const hash = createHash('sha256');
  let bytes = 0;
  const add = (file: string, name: string): void => {
    if (LEFT_OUT.test(file)) return;
    const stat = lstatSync(file);
    if (stat.isDirectory()) {
      for (const entry of readdirSync(file).sort()) add(join(file, entry), `${name}/${entry}`);
    } else if (stat.isFile()) {
      bytes += stat.size;
      // Written by Node as it goes; no part of what a version is.
      if (!name.includes('/.compile-cache')) hash.update(name).update(readFileSync(file));
    }
  };
  for (const { from, to } of parts) add(from, to);
  return { bytes, hash: hash.digest('hex').slice(0, 12) };
}

export function copyParts(parts: readonly Part[], lib: string): void {
  for (const { from, to } of parts) {
    cpSync(from, join(lib, to), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (path) => !LEFT_OUT.test(path),
    });
  }
}

/** Readable by any user, whatever the umask: who installs is often not who runs. */
export function openUp(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.isDirectory() || stat.mode & 0o100 ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const entry of readdirSync(path)) openUp(join(path, entry));
}

/**
 * Copies the binary and makes it load `lib/dist/start.cjs`; one that does already is copied as it is.
 * @returns its size in bytes
 * @throws MusterError INSTALL_SOURCE when this Node cannot be sealed
 */
export function writeBinary({ binary, blob }: Source, to: string): number {
  copyFileSync(binary, to, constants.COPYFILE_FICLONE);
  chmodSync(to, 0o755);
  if (blob === undefined) return lstatSync(to).size;
  const file = openSync(to, 'r+');
  try {
    const seal = sealOf(imageOf(file), readFileSync(blob));
    if (typeof seal === 'string') {
      throw new MusterError({
        code: 'INSTALL_SOURCE',
        message: `${binary} cannot be made one file with muster: ${seal}`,
        hint: 'Install from the image, or after `npm ci`, which brings the Node that is meant.',
      });
    }
    ftruncateSync(file, seal.keep);
    for (const { at, bytes } of seal.patches) writeSync(file, bytes, 0, bytes.length, at);
    return seal.keep;
  } finally {
    closeSync(file);
  }
}

const CHUNK = 4 << 20;

/** Reads 4 MiB at a time, with enough of the one before that no text is cut. */
function imageOf(file: number): Image {
  const read = (at: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, at));
  };
  const find = (text: string): number[] => {
    const found: number[] = [];
    const buffer = Buffer.alloc(CHUNK + text.length - 1);
    for (let at = 0; ; at += CHUNK) {
      const length = readSync(file, buffer, 0, buffer.length, at);
      const bytes = buffer.subarray(0, length);
      for (let hit = bytes.indexOf(text); hit >= 0; hit = bytes.indexOf(text, hit + 1)) found.push(at + hit);
      if (length < buffer.length) return found;
    }
  };
  return { read, find };
}
