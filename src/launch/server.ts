/** The server from start to end under supervision: signals, readiness, and its end. */
import { CODES, type Refusal } from '../errors.ts';
import type { Command } from '../process/command.ts';
import type { Child } from '../process/spawn.ts';
import { before } from './before.ts';
import { endingOf, type Generation } from './generation.ts';
import type { Launch } from './launch.ts';
import type { Ending, Phase } from './rally/rally.ts';
import { ASKS_TO_STOP, isOwnStop } from './signals.ts';
import { supervise } from './takeover/supervise.ts';
import type { Probe } from './watch/probes/probe.ts';

export interface RunServer {
  readonly launch: Launch;
  readonly generation: Generation;
  readonly command: Command;
  readonly report: (phase: Phase) => void;
  /** A rank above 0 of the server's own multi-node mode: it has no port to ask. */
  readonly headless?: boolean;
}

/** Resolves once the server runs; `ended` is what its end, or its failure to become ready, means. */
export async function runServer(run: RunServer): Promise<{ ended: Promise<Ending> }> {
  const { launch, generation, command, report, headless = false } = run;
  const { plan, log } = launch;
  const { generation: of, rank } = launch.life.keeper.board;
  const [program, ...args] = command.argv;
  log.info(`starting ${plan.runtime.value}`, { program, args: args.length, generation: of, rank });
  const signals = new PassOn(launch, generation, headless);
  const { child, ended } = await generation.open(
    () => supervise(plan, command),
    async (supervised, ending) => {
      const { child } = supervised;
      const patient = stopServer(child, signals.askedToStop, plan.timing.graceMs.value);
      const status = await generation.unlessHurried(patient, () => child.stop(0));
      signals.end();
      // Asked to stop: the server's own status is ours, unless we killed it in a hurry. Any other end has its own.
      if (ending.code === 'STOPPED' && !generation.isHurried) launch.life.serverStatus = status;
    },
  );
  signals.to(child);
  launch.life.keeper.change({ on: 'child', alive: true });
  child.exited.then(() => launch.life.keeper.change({ on: 'child', alive: false }));
  report('serving');
  return { ended: headless ? ended : Promise.race([ended, becomeReady(launch, generation, report)]) };
}

/** Signals of ours to the server. */
class PassOn {
  readonly #launch: Launch;
  readonly #generation: Generation;
  readonly #headless: boolean;
  /** The server got a signal that asks it to stop. */
  askedToStop = false;
  end: () => void = () => {};

  constructor(launch: Launch, generation: Generation, headless: boolean) {
    this.#launch = launch;
    this.#generation = generation;
    this.#headless = headless;
  }

  /** A rank above 0 must not stop before the server's rank 0 has drained: it hears of the end from the rally. */
  to(child: Child): void {
    this.end = this.#launch.world.onSignal((signal) => {
      const stops = ASKS_TO_STOP.includes(signal);
      const { ending } = this.#generation;
      // A generation that ended for another reason stops its server itself: a second SIGTERM would cut its drain short.
      if (stops && (this.#headless || (ending && !isOwnStop(this.#launch.plan, ending)))) return;
      this.askedToStop ||= stops;
      child.signal(signal);
    });
  }
}

/** A signal that was passed on already is not sent twice: only wait, then insist. */
async function stopServer(child: Child, passedOn: boolean, graceMs: number): Promise<number> {
  if (!passedOn) return child.stop(graceMs);
  await before(graceMs, child.exited);
  return child.stop(0);
}

/** Ready once, then watched; never resolves while it goes well. */
async function becomeReady(launch: Launch, generation: Generation, report: (phase: Phase) => void): Promise<Ending> {
  const { plan, life } = launch;
  const { serverProbe } = await import('./watch/server-probe.ts');
  const probe = serverProbe(plan);
  try {
    if (probe) await awaitServer(launch, generation, probe);
    life.wasReady = true;
    report('ready');
    const refusal =
      probe && plan.timing.hangMs.value > 0 ? await watchServer(launch, generation, { probe, report }) : undefined;
    if (refusal) return { ...refusal, exitStatus: CODES[refusal.code], culprit: plan.member.value };
  } catch (error) {
    return endingOf(error, plan.member.value);
  }
  return new Promise(() => {});
}

async function awaitServer({ plan, log, world, life }: Launch, { signal }: Generation, probe: Probe): Promise<void> {
  const { awaitReady } = await import('./watch/probes/await-ready.ts');
  const { serverSmoke } = await import('./watch/server-probe.ts');
  const { readyMs, progressMs } = plan.timing;
  const ready = await awaitReady({
    probe,
    smoke: serverSmoke(plan),
    timeoutMs: readyMs.value,
    periodMs: 250,
    progressMs: progressMs.value,
    signal,
    waits: (detail, since) => {
      const me = { member: plan.member.value, rank: life.rank ?? 0, layer: 'server', since, detail } as const;
      life.ownWait = { line: `waiting for the server: ${detail}`, awaited: [me] };
    },
    log,
    now: world.now,
  });
  life.ownWait = undefined;
  log.info(`ready after ${(ready.tookMs / 1000).toFixed(1)} s`, { provenBy: ready.via ?? probe.name });
}

interface Watched {
  readonly probe: Probe;
  readonly report: (phase: Phase) => void;
}

async function watchServer(
  { plan, log, world }: Launch,
  { signal }: Generation,
  { probe, report }: Watched,
): Promise<Refusal | undefined> {
  const { watchHealth } = await import('./watch/watch-health.ts');
  const limitMs = plan.timing.hangMs.value;
  // Several looks fit in the limit, however short it is.
  const periodMs = Math.min(2000, limitMs / 4);
  return watchHealth({
    probe,
    periodMs,
    limitMs,
    onChange: (up) => report(up ? 'ready' : 'serving'),
    signal,
    log,
    now: world.now,
  });
}
