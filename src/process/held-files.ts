/** Which files living processes have mapped or open, from /proc (proc_pid_maps(5), proc_pid_fd(5)). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Entry, readEntry, readTable } from './process-table.ts';

/** Milliseconds for all processes together; where many run, nothing is known in the end rather than late. */
const LIMIT_MS = 2_000;

/**
 * Paths as their holders see them, without the ` (deleted)` of those that have no name any more.
 *
 * @param isWanted which paths to return
 * @returns undefined when a process may not be looked at, or it takes too long: then nothing can be said of any file. Who
 *   has started us may be hidden: a container's first process often has rights that we lack, and holds nothing of ours
 */
export async function heldFiles(isWanted: (path: string) => boolean): Promise<ReadonlySet<string> | undefined> {
  const deadline = performance.now() + LIMIT_MS;
  const held = new Set<string>();
  const table = await readTable();
  const above = ancestors(table);
  for (const { pid } of table.filter(isProgram)) {
    await nextTurn();
    if (performance.now() > deadline) return undefined;
    const paths = pathsOf(pid);
    if (!paths && !above.has(pid)) return undefined;
    for (const path of paths ?? []) if (isWanted(path)) held.add(path);
  }
  return held;
}

/** Not a thread of the kernel: those hold no files, and only root may look at them. Their parent is kthreadd, 2. */
const isProgram = ({ pid, parent }: Entry): boolean => parent !== 2 && !(pid === 2 && parent === 0);

function ancestors(table: readonly Entry[]): ReadonlySet<number> {
  const parents = new Map(table.map(({ pid, parent }) => [pid, parent]));
  const above = new Set<number>();
  for (let pid = readEntry(process.pid)?.parent; pid && !above.has(pid); pid = parents.get(pid)) above.add(pid);
  return above;
}

/** @returns undefined for what may not be read; nothing for a process that has gone meanwhile */
function pathsOf(pid: number): readonly string[] | undefined {
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    const mapped = [...maps.matchAll(/ (\/.+)$/gm)].map(([, path = '']) => path);
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOrNothing(`/proc/${pid}/fd/${fd}`));
    return [...new Set([...mapped, ...open])].map((path) => path.replace(/ \(deleted\)$/, ''));
  } catch (error) {
    return isGone(error) ? [] : undefined;
  }
}

function linkOrNothing(link: string): string {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

/** ESRCH: it ended while it was read. */
const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
