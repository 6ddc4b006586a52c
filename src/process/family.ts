/**
 * Who belongs together. Pure: works on a table somebody has read.
 *
 * A daemon leaves its process group by setsid(2), loses its parent when that exits, and wipes its environment when it
 * sets its title (Ray's workers do). Rarely all three at once, so each tie counts: children of the family, and everyone
 * in a session that one of the family is in.
 */
import type { Entry } from './process-table.ts';

/**
 * Sessions are taken whole, so a family must not start in somebody else's: `start` gives each child its own.
 *
 * @param table    all processes
 * @param isSeed   those known to belong
 * @param outside  a session that never counts as a tie: this process's own
 * @returns        the seeds and all who are tied to them, in table order
 */
export function familyOf(
  table: readonly Entry[],
  isSeed: (entry: Entry) => boolean,
  outside: number,
): readonly Entry[] {
  const family = new Set(table.filter(isSeed));
  for (let before = -1; before !== family.size; ) {
    before = family.size;
    const pids = new Set([...family].map(({ pid }) => pid));
    const sessions = new Set(
      [...family].map(({ session }) => session).filter((each) => each !== outside && each !== 0),
    );
    for (const entry of table) if (pids.has(entry.parent) || sessions.has(entry.session)) family.add(entry);
  }
  return table.filter((entry) => family.has(entry));
}
