/** `muster launch RUNTIME … -- ARGS` and `muster run … -- COMMAND`: plan, then explain it or do it. */
import { EXIT, type ExitStatus } from '../errors.ts';
import type { Settings } from '../launch/args/options.ts';
import type { TlsRead } from '../launch/facts/tls.ts';
import type { TlsKeeper } from '../launch/facts/tls-keeper.ts';
import { launch, newLife } from '../launch/launch.ts';
import { shardsOf } from '../launch/plan/parallel.ts';
import type { Plan } from '../launch/plan/plan.ts';
import { secretValues } from '../launch/watch/redact.ts';
import { jsonLog, type Log, textLog } from '../log.ts';
import type { World } from '../world.ts';
import { prepare } from './prepare.ts';

export async function launchCommand(
  world: World,
  command: 'launch' | 'run',
  argv: readonly string[],
): Promise<ExitStatus> {
  const { plan, settings, token, tls } = await prepare(world, command, argv);
  if (settings.explain?.value || settings['dry-run']?.value) return explain(world, plan, settings);
  const log = await openLog(world, settings, plan.member.value);
  // It may start this program once more, under an init; what follows is then said by that one.
  if (world.pid === 1) await (await import('../launch/first-process.ts')).settle({ plan, world, log });
  for (const note of [...plan.notes, ...(await machineWarnings(plan, settings, world.env))]) log.warn(note);
  const probePort = settings['probe-port'] ?? { value: 0, origin: 'unset' };
  return launch({
    plan,
    world,
    log,
    token,
    tls: await keepTls(tls, settings, log),
    life: newLife(plan, world.now),
    probePort,
    secrets: secretValues(world.env, token),
    terminationLog: settings['termination-log']?.value,
  });
}

/** One shard in one process asks nothing special of its machine: then nothing is loaded, and nothing read. */
async function machineWarnings(plan: Plan, settings: Settings, env: World['env']): Promise<readonly string[]> {
  const alone = plan.worldSize.value === 1 && plan.engine.value !== 'ray' && shardsOf(plan.parallel) === 1;
  return alone ? [] : (await import('../doctor/quick.ts')).quickWarnings({ plan, settings, env });
}

async function explain(world: World, plan: Plan, settings: Settings): Promise<ExitStatus> {
  const { planAsJson, planAsText } = await import('../launch/plan/describe.ts');
  const { previewCommands } = await import('../launch/preview.ts');
  const commands = previewCommands(plan, world.env);
  world.stdout(settings.json?.value ? planAsJson(plan, commands) : planAsText(plan, commands));
  return EXIT.ok;
}

/** Loaded only where TLS is on. */
async function keepTls(read: TlsRead | undefined, settings: Settings, log: Log): Promise<TlsKeeper | undefined> {
  if (!read) return undefined;
  const { TlsKeeper } = await import('../launch/facts/tls-keeper.ts');
  const keeper = new TlsKeeper(read, { name: settings['tls-name']?.value, log, wallClock: () => Date.now() });
  keeper.watch();
  return keeper;
}

async function openLog(world: World, settings: Settings, who: string): Promise<Log> {
  const options = { level: settings['log-level']?.value ?? 'info', now: world.now, write: world.stderr, who } as const;
  return settings['log-format']?.value === 'json' ? jsonLog(options) : textLog(options);
}
