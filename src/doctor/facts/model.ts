/** The model's directory beyond what a launch looks at: every file's name and size, the index, the disk. No weight is read. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../errors.ts';
import { lookAtModel } from '../../launch/facts/model-directory.ts';
import type { ModelDirectory } from '../../launch/plan/facts.ts';
import { lets, mountOf, mountsIn, textAt } from './files.ts';

export interface ModelFacts {
  readonly path: string;
  readonly state: ModelDirectory['state'];
  /** SHA-256 of config.json, hex. */
  readonly fingerprint: string | undefined;
  /** Of all weight files together. */
  readonly weightBytes: number;
  readonly weights: number;
  /** Files the index names; undefined: there is no index. */
  readonly indexed: readonly string[] | undefined;
  /** Why the index could not be read; undefined: it could, or there is none. */
  readonly indexError: string | undefined;
  /** Of the indexed files: not there. */
  readonly missing: readonly string[];
  /** Empty, a pointer of Git LFS, or a download that was not finished. */
  readonly broken: readonly string[];
  readonly unreadable: readonly string[];
  /** e.g. `ext4`, `nfs4`, `fuse.s3fs`. */
  readonly diskType: string | undefined;
  readonly readOnly: boolean;
}

const WEIGHTS = /\.(safetensors|bin|pt|pth|gguf|npz|onnx|plan)$/;
const UNFINISHED = /\.(incomplete|part|tmp|aria2)$/;
const INDEXES = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'];
/** An index has about 100 bytes for each tensor. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 10_000;

export function lookAtModelClosely(path: string, root: string): ModelFacts {
  const seen = lookAtModel(path);
  const mount = mountOf(mountsIn(textAt(root, '/proc/self/mountinfo') ?? ''), path);
  const files = seen.state === 'filled' ? filesIn(path) : [];
  const weights = files.filter(({ name }) => WEIGHTS.test(name));
  const index = indexOf(path, files);
  const present = new Set(files.map(({ name }) => name));
  return {
    path,
    state: seen.state,
    fingerprint: seen.state === 'filled' ? seen.fingerprint : undefined,
    weightBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    weights: weights.length,
    ...index,
    missing: (index.indexed ?? []).filter((name) => !present.has(name)),
    broken: files.filter((file) => isBroken(path, file)).map(({ name }) => name),
    unreadable: files.filter(({ name }) => !lets(join(path, name), 'read')).map(({ name }) => name),
    diskType: mount?.type,
    readOnly: mount?.readOnly ?? false,
  };
}

interface File {
  readonly name: string;
  readonly bytes: number;
}

/** Of this directory; a model repository of Triton has them one and two levels below. */
function filesIn(path: string): File[] {
  try {
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.split('/').length <= 3 && !name.startsWith('.'))
      .slice(0, MAX_FILES)
      .flatMap((name) => {
        // Follows links: a hub's cache is made of them, and a dangling one is not there.
        const stat = statSync(join(path, name), { throwIfNoEntry: false });
        return stat?.isFile() ? [{ name, bytes: stat.size }] : [];
      });
  } catch {
    return []; // a directory below is not ours to enter
  }
}

function indexOf(path: string, files: readonly File[]): Pick<ModelFacts, 'indexed' | 'indexError'> {
  const index = files.find(({ name }) => INDEXES.includes(name));
  if (!index) return { indexed: undefined, indexError: undefined };
  if (index.bytes > MAX_INDEX_BYTES) return { indexed: undefined, indexError: `it has ${index.bytes} bytes` };
  try {
    const { weight_map: map } = JSON.parse(readFileSync(join(path, index.name), 'utf8')) as { weight_map?: unknown };
    if (typeof map !== 'object' || map === null) throw new Error('it has no weight_map');
    return { indexed: [...new Set(Object.values(map).map(String))].sort(), indexError: undefined };
  } catch (cause) {
    return { indexed: undefined, indexError: reasonOf(cause) };
  }
}

const isBroken = (path: string, { name, bytes }: File): boolean =>
  UNFINISHED.test(name) || (WEIGHTS.test(name) && (bytes === 0 || isPointer(join(path, name), bytes)));

/** `git clone` without git-lfs leaves 130 bytes of text in place of each weight file. */
function isPointer(file: string, bytes: number): boolean {
  try {
    return bytes < 1024 && readFileSync(file, 'utf8').startsWith('version https://git-lfs');
  } catch {
    return false; // not ours to read: told elsewhere
  }
}
