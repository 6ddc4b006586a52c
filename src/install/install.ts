/**
 * Puts a muster that needs nothing else into a directory: written beside what is there, tried once, then made the one in
 * use by two renames. Whatever goes wrong before leaves the directory as it was.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { MusterError, type Refusal, reasonOf } from '../errors.ts';
import { start } from '../process/spawn.ts';
import { shareCompileCache } from './compile-cache.ts';
import { contentsOf, copyParts, openUp, type Source, sourceIn, writeBinary } from './files.ts';
import { decide, type Mark, outdated, parseMark, refusalOf, roomRefusal, STAGE, type Target } from './layout.ts';

export interface Installation {
  /** Absolute path. */
  readonly dir: string;
  /** Where this muster lives (World.home). */
  readonly home: string;
  /** The running executable. */
  readonly self: string;
  readonly version: string;
  readonly node: string;
}

export interface Installed {
  readonly mark: Mark;
  /** False: it was there already. */
  readonly written: boolean;
  /** All of the installation that is in use. */
  readonly bytes: number;
  readonly hasTini: boolean;
}

/**
 * @throws MusterError INSTALL_TARGET (73), DISK_FULL (74), INSTALL_NOT_OURS (78), INSTALL_SOURCE (66)
 */
export async function install(what: Installation): Promise<Installed> {
  const source = sourceIn(what.home, what.self);
  const contents = contentsOf(source);
  const target = look(what.dir);
  const bytes = statSync(source.binary).size;
  const id = `${what.version}-${contents.hash}`;
  const known = target.kind === 'folder' ? target.mark : undefined;
  const todo = decide(what.dir, target, id);
  const hasTini = source.parts.some(({ to }) => to === 'tini');
  if (typeof todo === 'object') throw new MusterError(todo);
  if (todo === 'nothing' && known) return { mark: known, written: false, bytes: known.bytes + contents.bytes, hasTini };
  refuse(roomRefusal(what.dir, bytes + contents.bytes, freeAt(what.dir)));
  const written = await orRefuse(what.dir, () =>
    write(what.dir, source, { name: 'muster', version: what.version, id, node: what.node }, known),
  );
  return { mark: written, written: true, bytes: written.bytes + contents.bytes, hasTini };
}

async function write(dir: string, source: Source, mark: Omit<Mark, 'bytes'>, before: Mark | undefined): Promise<Mark> {
  // Only what is made here is opened to all; a volume's own mode is its owner's business.
  if (mkdirSync(dir, { recursive: true }) !== undefined) chmodSync(dir, 0o755);
  const stage = join(dir, `${STAGE}${randomBytes(4).toString('hex')}`);
  try {
    // Not `recursive`: on a volume that is read-only Node then says ENOENT for EROFS.
    mkdirSync(stage);
    mkdirSync(join(stage, 'lib'));
    copyParts(source.parts, join(stage, 'lib'));
    shareCompileCache(join(stage, 'lib', 'dist', '.compile-cache'));
    const sealed = { ...mark, bytes: writeBinary(source, join(stage, 'muster')) };
    writeFileSync(join(stage, 'lib', 'install.json'), `${JSON.stringify(sealed)}\n`);
    openUp(join(stage, 'lib'));
    await tryOut(dir, stage, mark.version);
    swap(dir, stage, `lib-${mark.id}`);
    sweep(dir, [`lib-${mark.id}`, before && `lib-${before.id}`]);
    return sealed;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** It says its version: the file can be executed from there, and what it loads is all there. */
async function tryOut(dir: string, stage: string, version: string): Promise<void> {
  const { status, words } = await ownWords(join(stage, 'muster'));
  if (status === 0 && words.includes(version)) return;
  throw new MusterError({
    code: 'INSTALL_TARGET',
    message: `what was written to ${dir} does not run: ${words || `status ${status}, without a word`}`,
    hint: 'Nothing was changed. Mount the volume without noexec; Node needs glibc 2.28 or later, and libstdc++.',
  });
}

async function ownWords(muster: string): Promise<{ status: number; words: string }> {
  try {
    // What it compiled would be readable by nobody else.
    const env = { NODE_DISABLE_COMPILE_CACHE: '1' };
    const child = await start({ argv: [muster, '--version'], env }, { stdio: 'capture' });
    const status = await child.exited;
    return { status, words: child.lastLines().join(' ') };
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return { status: error.exitStatus, words: error.message };
  }
}

/** Between the two renames the former `muster` loads the new library, as it will on the next start of either. */
function swap(dir: string, stage: string, lib: string): void {
  const place = join(dir, lib);
  if (existsSync(place)) renameSync(place, join(stage, 'same'));
  renameSync(join(stage, 'lib'), place);
  symlinkSync(lib, join(stage, 'link'));
  renameSync(join(stage, 'link'), join(dir, 'lib'));
  renameSync(join(stage, 'muster'), join(dir, 'muster'));
}

/** What former installations left behind, and stages of ones that were killed. */
function sweep(dir: string, keep: readonly (string | undefined)[]): void {
  const entries = readdirSync(dir);
  const stale = entries.filter((entry) => entry.startsWith(STAGE) && isOld(join(dir, entry)));
  for (const entry of [...outdated(entries, keep), ...stale])
    rmSync(join(dir, entry), { recursive: true, force: true });
}

const OLD_MS = 3_600_000;
/** Another installation may be at work right now. */
const isOld = (path: string): boolean => Date.now() - statSync(path).mtimeMs > OLD_MS;

function look(dir: string): Target {
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (!stat) return { kind: 'absent' };
  if (!stat.isDirectory()) return { kind: 'file' };
  let entries: string[];
  try {
    entries = readdirSync(dir);
  } catch (error) {
    throw refused(dir, error);
  }
  const mark = parseMark(readIfThere(join(dir, 'lib', 'install.json')));
  return { kind: 'folder', entries, mark, bytes: lstatSync(join(dir, 'muster'), { throwIfNoEntry: false })?.size };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Free bytes of the file system that `dir` is or will be on. */
function freeAt(dir: string): number | undefined {
  for (let at = dir; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize;
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}

async function orRefuse<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof MusterError ? error : refused(dir, error);
  }
}

function refused(dir: string, error: unknown): Error {
  const refusal = refusalOf(dir, error as NodeJS.ErrnoException);
  return refusal ? new MusterError(refusal, { cause: error }) : new Error(reasonOf(error), { cause: error });
}

function refuse(refusal: Refusal | undefined): void {
  if (refusal) throw new MusterError(refusal);
}
