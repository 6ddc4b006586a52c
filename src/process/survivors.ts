/**
 * What is left of a run when its processes left their group: Ray's daemons call setsid(2), and vLLM's workers outlive
 * their killed parent and keep the GPUs. Every child carries `MUSTER_RUN_ID` in its environment, and children inherit
 * it; from those the rest of the family is found, since a process that sets its title wipes its environment.
 *
 * Not found: a process that has wiped its environment, lost its parent *and* opened its own session before anybody
 * looked. Processes of `docker exec` and exec probes carry no run id and are left alone.
 */
import { end } from './end.ts';
import { familyOf } from './family.ts';
import { type Entry, hasVariable, type Named, nameOf, readEntry, readTable } from './process-table.ts';

/** Set in the environment of every child; its value names one run of one child. */
export const RUN_ID = 'MUSTER_RUN_ID';

/** Everyone alive who belongs to the run `runId`, this process excepted. Costs some 30 µs for each process there is. */
export async function survivors(runId: string): Promise<readonly Named[]> {
  return (await familyOfRun(runId, [])).map(nameOf);
}

/**
 * Ends everyone who belongs to the run, first by SIGTERM, after `graceMs` milliseconds by SIGKILL.
 *
 * @returns whom it had to signal; nobody if the run was over
 * @throws MusterError  SERVER_UNHEALTHY (81) if somebody is left 10 s after SIGKILL
 */
export const sweep = (runId: string, graceMs: number): Promise<readonly Named[]> =>
  end((known) => familyOfRun(runId, known), graceMs);

async function familyOfRun(runId: string, known: readonly Entry[]): Promise<readonly Entry[]> {
  const lives = new Map(known.map(({ pid, started }) => [pid, started]));
  const isOurs = ({ pid, started }: Entry) => lives.get(pid) === started || hasVariable(pid, RUN_ID, runId);
  return familyOf(await readTable(), isOurs, readEntry(process.pid)?.session ?? 0);
}
