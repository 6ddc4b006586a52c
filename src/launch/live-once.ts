/** One generation from its first moment to its verdict: closed, verified gone, and one line that says why it ended. */
import { EXIT, type ExitStatus } from '../errors.ts';
import { oomKills } from '../process/oom-kills.ts';
import { endingOf, type Generation } from './generation.ts';
import type { Launch } from './launch.ts';
import type { Ending } from './rally/rally.ts';
import { afterEnding, type Next } from './restart.ts';
import { withOomKills } from './takeover/out-of-memory.ts';

/** What a member does in one generation; its `ended`, or its failure, ends it. */
export type Story = (generation: Generation) => Promise<{ ended: Promise<Ending> }>;

interface Told {
  readonly story: Story;
  readonly restartedAt: readonly number[];
}

export async function liveOnce(
  launch: Launch,
  generation: Generation,
  { story, restartedAt }: Told,
): Promise<{ ending: Ending; next: Next }> {
  const { plan, life, world, log } = launch;
  const decide = (ending: Ending) => afterEnding(plan, ending, { wasReady: life.wasReady, restartedAt }, world.now());
  const before = oomKills();
  generation.explain = (reason) => withOomKills(reason, plan.member.value, { before, now: oomKills() });
  generation.finalise = (reason) => {
    const ending = generation.explain(reason);
    const next = decide(ending);
    return next.do === 'give-up' ? next.ending : ending;
  };
  life.serverStatus = undefined;
  waitForNobody(life);
  life.keeper.change({ on: 'generation', generation: generation.number });
  generation.ended.then((ending) => {
    waitForNobody(life);
    life.keeper.change({ on: 'ended', ending });
  });
  generation.endWith(
    sweep(launch, generation.number)
      .then(() => story(generation))
      .then((told) => told.ended),
  );
  const ending = await generation.ended;
  const next = decide(ending);
  if (ending.exitStatus === EXIT.ok || ending.code === 'STOPPED') log.info(ending.message);
  else log.error(`${ending.code} ${ending.message}. → ${ending.hint}`);
  if (next.do === 'restart')
    log.warn(
      `the group meets again: restart ${next.nth} of ${plan.restarts.limit.value} within ${plan.restarts.windowMs.value / 1000} s`,
    );
  try {
    await generation.close(ending);
  } catch (error) {
    // What could not be ended would hold the ports and devices of the next generation: nothing may be started beside it.
    const stuck = endingOf(error, plan.member.value);
    log.error(stuck.message);
    if (next.do === 'restart') return { ending: stuck, next: { do: 'exit' } };
  }
  return { ending, next };
}

/** What dead processes have left; of a former generation of ours too, once it is verified gone. */
async function sweep({ plan, world, log }: Launch, generation: number): Promise<void> {
  const { sweepLeftovers } = await import('./start/sweep.ts');
  const { rayTempOf } = await import('./start/ray/sessions.ts');
  await sweepLeftovers({
    rayTemp: plan.engine.value === 'ray' ? rayTempOf(plan.recipe.rayArgs) : undefined,
    member: plan.member.value,
    before: world.epochMs + (generation > 1 ? world.now() : 0),
    log,
  });
}

function waitForNobody(life: Launch['life']): void {
  life.ownWait = undefined;
  life.waiting = () => undefined;
}

/** A server's status is told by the member whose server it was; for the others the group was lost. */
export function statusOf({ plan, life }: Launch, { code, culprit, exitStatus }: Ending): ExitStatus {
  const mine = culprit === undefined || culprit === plan.member.value;
  if (code === 'STOPPED' && (mine || life.asked !== undefined)) return life.serverStatus ?? life.asked ?? exitStatus;
  return !mine && (code === 'STOPPED' || code === 'SERVER_EXITED') ? EXIT.groupLost : exitStatus;
}
