/**
 * Which processes a stop must end, and in which order: first the child's process group, so that `ray start --block` can
 * send its own daemons home; then those of the family who had left the group.
 */
import { end, type Find } from './end.ts';
import { familyOf } from './family.ts';
import { type Entry, hasVariable, readEntry, readTable } from './process-table.ts';
import { RUN_ID } from './survivors.ts';

export interface Tree {
  /** The leader; its number is the group's and the session's too. */
  readonly pid: number;
  readonly runId: string;
  /** Whether the leader's exit is still to come. As long as it is, its number can be nobody else's. */
  readonly isRunning: () => boolean;
  /** Who of the family was seen before: one that has lost all ties since belongs to it all the same. */
  readonly seen: readonly Entry[];
}

/** The leader, its group and all who descend from it, as they are now. */
export const familyOfTree = (tree: Tree): Promise<readonly Entry[]> =>
  familyWith((entry) => members(tree)(entry) || isOneOf(tree.seen)(entry));

/**
 * Resolves when the leader, its group, and everyone who descended from it when this was called are gone.
 *
 * @param graceMs  milliseconds until SIGKILL, for the group and the rest together
 * @throws MusterError  SERVER_UNHEALTHY (81) if somebody is left 10 s after SIGKILL
 */
export async function stopTree(tree: Tree, graceMs: number): Promise<void> {
  const killAt = performance.now() + graceMs;
  // Before any signal: a parent that ends takes the tie to its daemons with it.
  const family = await familyOfTree(tree);
  await end(async () => (await readTable()).filter(members(tree)), graceMs);
  const rest: Find = (known) => familyWith(isOneOf([...family, ...known]));
  await end(rest, Math.max(0, killAt - performance.now()));
}

/** In the group; once the leader is gone the number may be a stranger's, so the run id must agree. */
const members =
  ({ pid, runId, isRunning }: Tree) =>
  (entry: Entry): boolean =>
    entry.group === pid && entry.session === pid && (isRunning() || hasVariable(entry.pid, RUN_ID, runId));

const isOneOf =
  (known: readonly Entry[]) =>
  ({ pid, started }: Entry): boolean =>
    known.some((each) => each.pid === pid && each.started === started);

const familyWith = async (isSeed: (entry: Entry) => boolean): Promise<readonly Entry[]> =>
  familyOf(await readTable(), isSeed, readEntry(process.pid)?.session ?? 0);
