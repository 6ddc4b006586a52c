/** A worker: finds the head, joins its engine, and runs its own server where the engine is the server's own mode. */
import type { ExitStatus } from '../errors.ts';
import { before } from './before.ts';
import { openEngine } from './engine-part.ts';
import type { Generation } from './generation.ts';
import { become, type Launch, waitsOf } from './launch.ts';
import { live } from './live.ts';
import { serverCommand } from './plan/render.ts';
import { joinRally } from './rally/member.ts';
import type { Ending, EngineCall, Hello, Phase, RallyMember, Seat, StartOrder } from './rally/rally.ts';
import { helloOf } from './self.ts';
import { runServer } from './server.ts';
import { isOwnStop } from './signals.ts';
import { type Engine, engineOf } from './start/engine.ts';

export const follow = (launch: Launch): Promise<ExitStatus> =>
  live(launch, (generation) => followOnce(launch, generation));

async function followOnce(launch: Launch, generation: Generation): Promise<{ ended: Promise<Ending> }> {
  const { plan, world, log, token } = launch;
  const hello = { ...helloOf(plan, { muster: world.version }), preferredRank: launch.life.rank };
  const rally = await generation.open(
    async () => join(launch, hello),
    (opened, ending) => opened.leave(ending),
  );
  const { keeper } = launch.life;
  const report = (phase: Phase) => {
    rally.report(phase);
    keeper.change({ on: 'phase', phase });
  };
  const { life } = launch;
  life.waiting = () => life.ownWait ?? rally.waiting();
  rally.ended.then((ending) => generation.end(ending));
  rally.onHeadPhase((phase) => keeper.change({ on: 'head-phase', phase }));
  const stay = stayUntilDrained(launch, generation, rally);

  const seat = await generation.until(rally.seated);
  launch.life.rank = seat.rank;
  // A later generation: the group was ready before, even if this process was not there.
  launch.life.wasReady ||= seat.generation > 1;
  keeper.change({ on: 'seat', ...seat });
  keeper.change({ on: 'phase', phase: 'joined' });
  const call = await generation.until(rally.prepared);
  const { incarnation } = hello;
  const { signal } = generation;
  const context = { plan, incarnation, env: world.env, token, log, now: world.now, waits: waitsOf(life), signal };
  const engine = await engineOf(plan.engine.value, context);
  if (plan.takeover.value === 'exec') return becomeServer({ launch, generation, rally, engine, call });
  report('engine');
  // What ends because the generation has ended is no reason.
  const agreed = async (own: Ending) => (generation.ending ? own : agree(rally, generation.explain(own), seat.leaseMs));
  const session = await openEngine(launch, generation, () => engine.join(call), agreed);
  report('engine-up');
  const order = await generation.until(rally.started);
  let headStops = false;
  rally.onHeadPhase((phase) => {
    headStops ||= phase === 'stopping';
    if (phase !== 'ready') return;
    launch.life.wasReady = true;
    log.info('the whole group is ready');
  });
  const command = commandOf(launch, { seat, order, engineEnv: session.serverEnv });
  if (!command) {
    report('serving');
    log.info(`rank ${seat.rank} of ${seat.worldSize} holds its part of the engine; the head runs the server`);
    stay();
    return { ended: generation.ended };
  }
  const run = await runServer({ launch, generation, command, report, headless: true });
  stay();
  // Rank 0 drains and ends first, and ours with it: that the head was asked to stop is the reason, and it is about to say so.
  const heard = () => before(plan.timing.graceMs.value, rally.ended);
  return { ended: run.ended.then(async (own) => (headStops ? ((await heard()) ?? own) : agreed(own))) };
}

/**
 * What the group makes of an end here. Where one server or engine part goes, those of the others go with it, some sooner
 * than the news of the first: the head hears of all of them, and the one it heard first is the reason, for everybody. A
 * head that says nothing is itself the reason once its lease is over.
 */
async function agree(rally: RallyMember, own: Ending, leaseMs: number): Promise<Ending> {
  if (own.code === 'DONE' || !rally.blame(own)) return own;
  return (await before(leaseMs + HEAD_LATE_MS, rally.ended)) ?? own;
}

/** A lease is judged at each tick, four a beat, and a late tick judges nothing. Milliseconds. */
const HEAD_LATE_MS = 1_000;

function join({ plan, world, log, token, tls }: Launch, self: Hello): RallyMember {
  const { timing, headAddress, ports } = plan;
  if (!headAddress) throw new Error('a worker without a head address is refused by the plan');
  return joinRally({
    head: { host: headAddress.value, port: ports.rally.value },
    self,
    token,
    tls,
    timeoutMs: timing.rallyMs.value,
    progressMs: timing.progressMs.value,
    log,
    now: world.now,
  });
}

/**
 * What a worker tells the head at its end. A failure, at once. Asked to stop while the group serves, it says so and holds
 * its part until the head has drained the server, or the grace is over.
 *
 * @returns to be called once the group serves
 */
function stayUntilDrained({ plan, life: { keeper } }: Launch, generation: Generation, rally: RallyMember): () => void {
  let serving = false;
  const drains = (ending: Ending) => serving && isOwnStop(plan, ending);
  generation.ended.then((ending) => {
    if (!drains(ending)) return void rally.leave(ending);
    keeper.change({ on: 'phase', phase: 'stopping' });
    rally.report('stopping');
  });
  return () => {
    if (generation.ending) return;
    serving = true;
    generation.onEnd(async (ending) => {
      if (!drains(ending)) return;
      const drained = before(plan.timing.graceMs.value, rally.ended);
      await generation.unlessHurried(drained, async () => undefined);
    });
  };
}

interface Joining {
  readonly launch: Launch;
  readonly generation: Generation;
  readonly rally: RallyMember;
  readonly engine: Engine;
  readonly call: EngineCall;
}

interface Told {
  readonly seat: Seat;
  readonly order: StartOrder;
  readonly engineEnv: Readonly<Record<string, string>>;
}

function commandOf({ plan, world }: Launch, { seat, order, engineEnv }: Told) {
  const headAddress = order.peers.find((peer) => peer.rank === 0)?.address ?? plan.headAddress?.value ?? '';
  const seating = { rank: seat.rank, headAddress, fromHead: order.values, serverArgs: order.serverArgs, engineEnv };
  return serverCommand(plan, seating, world.env);
}

/** Replaced by its own server, or by the engine it only holds. */
async function becomeServer({ launch, generation, rally, engine, call }: Joining): Promise<never> {
  const order = await generation.until(rally.started);
  const seat = await rally.seated;
  const command =
    commandOf(launch, { seat, order, engineEnv: {} }) ?? (await generation.until(engine.joinCommand(call)));
  if (!command) throw new Error('a worker that runs no server holds an engine');
  await generation.until(rally.handOver());
  return become(launch, command, () => generation.throwIfEnded());
}
