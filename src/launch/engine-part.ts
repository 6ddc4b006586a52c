/** This member's part of the engine, with its end bound to the generation's. */
import { CODES } from '../errors.ts';
import type { Generation } from './generation.ts';
import type { Launch } from './launch.ts';
import type { Ending } from './rally/rally.ts';
import type { EngineSession } from './start/engine.ts';

/**
 * Until SIGKILL, milliseconds. Ray's own farewell takes 2 to 3 s. Whoever is asked to stop has that time; after a failure
 * there is nothing to save, and each second of it is one that the group does not serve.
 */
const ENGINE_GRACE_MS = 10_000;

/**
 * An engine part that is lost ends the generation, and this member is the culprit.
 *
 * @param agreed what the group makes of that: it may be the consequence of something else
 */
export async function openEngine(
  { plan, life }: Launch,
  generation: Generation,
  opener: () => Promise<EngineSession>,
  agreed: (own: Ending) => Promise<Ending> = async (own) => own,
): Promise<EngineSession> {
  const session = await generation.open(opener, (opened, { code }) =>
    generation.unlessHurried(opened.stop(code === 'STOPPED' ? ENGINE_GRACE_MS : 0), () => opened.stop(0)),
  );
  life.lastLines = session.lastLines;
  generation.endWith(
    session.lost.then((refusal) => agreed({ ...refusal, exitStatus: CODES[refusal.code], culprit: plan.member.value })),
  );
  return session;
}
