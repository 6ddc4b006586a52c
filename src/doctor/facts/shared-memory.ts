/** /dev/shm: how large, and what earlier processes left there. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { diskAt, lets, mountOf, mountsIn, namesAt, textAt } from './files.ts';

export interface ShmFacts {
  readonly sizeBytes: number;
  readonly freeBytes: number;
  /** Undefined: not a mount of its own, or not seen. */
  readonly type: string | undefined;
  readonly writable: boolean;
  /** Files of this user that no process we can see has mapped; undefined: not looked for. */
  readonly stale: readonly Segment[] | undefined;
}

export interface Segment {
  readonly name: string;
  readonly bytes: number;
}

const SHM = '/dev/shm';

/** The size alone: two system calls. */
export function lookAtShm(root: string): ShmFacts | undefined {
  const disk = diskAt(root, SHM);
  return disk && { ...disk, type: 'tmpfs', writable: lets(join(root, SHM), 'create'), stale: undefined };
}

/** The size, the kind of mount, and the segments that are nobody's. Milliseconds where many processes run. */
export function lookAtShmClosely(root: string, uid: number): ShmFacts | undefined {
  const quick = lookAtShm(root);
  const mount = mountOf(mountsIn(textAt(root, '/proc/self/mountinfo') ?? ''), SHM);
  return quick && { ...quick, type: mount?.at === SHM ? mount.type : undefined, stale: staleSegments(root, uid) };
}

/** What NCCL, Ray, PyTorch, vLLM and POSIX semaphores name their segments. */
const KNOWN = /^(nccl-|plasma|psm_|torch_|vllm|sem\.|cuda\.shm|ompi|triton)/;

function staleSegments(root: string, uid: number): Segment[] {
  const mine = namesAt(root, SHM).flatMap((name) => {
    const bytes = KNOWN.test(name) ? sizeOf(join(root, SHM, name), uid) : undefined;
    return bytes === undefined ? [] : [{ name, bytes }];
  });
  if (mine.length === 0) return [];
  const mapped = mappedSegments(root);
  return mine.filter(({ name }) => !mapped.has(name));
}

/** Undefined for what is another user's, or no file. */
function sizeOf(file: string, uid: number): number | undefined {
  try {
    const stat = lstatSync(file);
    return stat.isFile() && stat.uid === uid ? stat.size : undefined;
  } catch {
    return undefined; // gone meanwhile
  }
}

/** Names below /dev/shm in the memory maps of all processes that we may see. */
function mappedSegments(root: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const pid of namesAt(root, '/proc').filter((name) => /^\d+$/.test(name))) {
    for (const [, name = ''] of (textAt(root, `/proc/${pid}/maps`) ?? '').matchAll(/ \/dev\/shm\/(\S+)/g))
      names.add(name);
  }
  return names;
}
