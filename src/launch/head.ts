/** The head: opens the rally, starts its part of the engine while the members gather, and runs the server. */
import type { ExitStatus } from '../errors.ts';
import { openEngine } from './engine-part.ts';
import type { Generation } from './generation.ts';
import { become, type Launch, waitsOf } from './launch.ts';
import { live } from './live.ts';
import { isLoopback } from './plan/auth.ts';
import { shardsOf } from './plan/parallel.ts';
import { serverCommand } from './plan/render.ts';
import type { Ending, Hello, Peer, Phase, RallyHead } from './rally/rally.ts';
import { soloRally } from './rally/solo.ts';
import { helloOf } from './self.ts';
import { runServer } from './server.ts';
import { type EngineSession, engineOf } from './start/engine.ts';

export const lead = (launch: Launch): Promise<ExitStatus> => live(launch, (generation) => leadOnce(launch, generation));

async function leadOnce(launch: Launch, generation: Generation): Promise<{ ended: Promise<Ending> }> {
  const { plan, world, log, token } = launch;
  const hello = helloOf(plan, { muster: world.version });
  const rally = await generation.open(
    () => openRallyFor(launch, generation, hello),
    (opened, ending) => opened.stop(ending),
  );
  const report = (phase: Phase) => {
    rally.report(phase);
    launch.life.keeper.change({ on: 'phase', phase });
  };
  const { life } = launch;
  life.group = () => rally.view?.();
  life.waiting = () => rally.waiting?.() ?? life.ownWait;
  launch.life.keeper.change({ on: 'phase', phase: 'joined' });
  rally.ended.then((ending) => generation.end(ending));
  // A failure is told at once. Who is asked to stop drains first: the members must hold their part until then.
  generation.ended.then((ending) => (ending.code === 'STOPPED' ? report('stopping') : rally.stop(ending)));

  const { incarnation } = hello;
  const { signal } = generation;
  const context = { plan, incarnation, env: world.env, token, log, now: world.now, waits: waitsOf(life), signal };
  const engine = await engineOf(plan.engine.value, context);
  // What ends because the generation has ended is no reason.
  const agreed = async (own: Ending) => (generation.ending ? own : (rally.blame?.(own) ?? own));
  const session = await openEngine(launch, generation, () => engine.open(), agreed);
  // Once the server has stopped the members may stop too, while our part of the engine does; the close waits for both.
  generation.onEnd(async (ending) => void rally.stop(ending));
  rally.prepare(session.call);
  const peers = await generation.until(rally.assembled);
  const order = { peers, serverArgs: plan.serverArgs ?? [], values: plan.values };
  const exec = plan.takeover.value === 'exec';
  // A member that will be replaced joins the engine only then, so the gate must come after the order to start.
  if (exec) rally.start(order);
  await generation.until(session.gate(peers));
  if (exec) return becomeServer({ launch, generation, rally, session, peers });
  rally.start(order);
  const command = commandOf(launch, session, peers);
  const { ended } = await runServer({ launch, generation, command, report });
  return { ended: ended.then(agreed) };
}

async function openRallyFor(
  { plan, world, log, token, tls, life }: Launch,
  generation: Generation,
  self: Hello,
): Promise<RallyHead> {
  if (plan.worldSize.value === 1) return soloRally(self);
  const { openRally } = await import('./rally/head.ts');
  const { timing, ports, address } = plan;
  return openRally({
    // Members may come over any interface of this machine, but loopback stays on loopback.
    host: isLoopback(plan.headAddress?.value) ? '127.0.0.1' : address.value.includes(':') ? '::' : '0.0.0.0',
    port: ports.rally.value,
    self,
    worldSize: plan.worldSize.value,
    token,
    tls,
    timeoutMs: timing.rallyMs.value,
    beatMs: timing.beatMs.value,
    leaseMs: timing.leaseMs.value,
    progressMs: timing.progressMs.value,
    devicesNeeded: shardsOf(plan.parallel),
    generation: generation.number,
    onNews: (news) => life.keeper.change({ on: 'news', news }),
    lastWord: (ending) => generation.finalise(ending),
    log,
    now: world.now,
  });
}

function commandOf({ plan, world }: Launch, session: EngineSession, peers: readonly Peer[]) {
  const headAddress = peers[0]?.address ?? plan.address.value;
  const command = serverCommand(
    plan,
    { rank: 0, headAddress, fromHead: {}, serverArgs: [], engineEnv: session.serverEnv },
    world.env,
  );
  if (!command) throw new Error('a head has a server');
  return command;
}

interface Handover {
  readonly launch: Launch;
  readonly generation: Generation;
  readonly rally: RallyHead;
  readonly session: EngineSession;
  readonly peers: readonly Peer[];
}

async function becomeServer({ launch, generation, rally, session, peers }: Handover): Promise<never> {
  await generation.until(rally.reached('handed-over'));
  await generation.until(rally.handOver());
  return become(launch, commandOf(launch, session, peers), () => generation.throwIfEnded());
}
