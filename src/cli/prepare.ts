/** Everything before a launch: what was typed, the settings, the runtime, the machine, the plan. Refuses all at once. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MusterError, type Refusal } from '../errors.ts';
import { cutArgv } from '../launch/args/cut.ts';
import type { Settings } from '../launch/args/options.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { maskArgs } from '../launch/args/secrets.ts';
import { resolveSettings } from '../launch/args/settings.ts';
import { type Compiled, type Entry, findRuntime, type Shelves } from '../launch/catalogue/catalogue.ts';
import { RUN_RUNTIME } from '../launch/catalogue/run-runtime.ts';
import { gatherFacts } from '../launch/facts/gather.ts';
import type { TlsRead } from '../launch/facts/tls.ts';
import { buildPlan } from '../launch/plan/build-plan.ts';
import type { Plan } from '../launch/plan/plan.ts';
import { lossyArgs } from '../process/lossy-args.ts';
import type { World } from '../world.ts';

export interface Prepared {
  readonly plan: Plan;
  readonly settings: Settings;
  /** The group's secret; undefined without one. */
  readonly token: string | undefined;
  /** Of the rally; undefined without TLS. */
  readonly tls: TlsRead | undefined;
}

/** @param argv behind the command's own name */
export async function prepare(world: World, command: 'launch' | 'run', argv: readonly string[]): Promise<Prepared> {
  const { ours, theirs } = cutArgv(argv);
  const { flags, refusals: flagRefusals } = parseFlags(ours);
  const { settings, refusals: settingRefusals } = resolveSettings(flags, world.env);
  const lossy = lossyArgs(argv);
  refuseIfAny([
    ...flagRefusals,
    ...settingRefusals,
    // Said back masked: a secret meant for the server may have been typed before `--`.
    ...positionalRefusals(command, parseFlags(maskArgs(ours)).flags.positionals, theirs),
    ...(lossy ? [lossy] : []),
  ]);
  const entry =
    command === 'run' ? RUN_RUNTIME : await findRuntime(flags.positionals[0] ?? '', shelvesOf(world, settings));
  const { facts, token, tls, refusals } = await gatherFacts(settings, world.env);
  const planned = buildPlan({
    command,
    settings,
    env: world.env,
    runtime: entry.runtime,
    runtimeDirectory: entry.directory,
    serverArgs: theirs !== undefined && (theirs.length > 0 || command === 'run') ? theirs : undefined,
    facts,
  });
  refuseIfAny([...refusals, ...('refusals' in planned ? planned.refusals : [])]);
  if (!('plan' in planned)) throw new Error('a plan that is not refused is a plan');
  return { plan: planned.plan, settings, token, tls };
}

export function refuseIfAny(refusals: readonly Refusal[]): void {
  const [first, ...rest] = refusals;
  if (first) throw new MusterError([first, ...rest]);
}

function positionalRefusals(
  command: 'launch' | 'run',
  positionals: readonly string[],
  theirs: readonly string[] | undefined,
): Refusal[] {
  const usage = (message: string, hint: string): Refusal => ({ code: 'USAGE', message, hint });
  if (command === 'run') {
    if (positionals.length > 0)
      return [
        usage(`"${positionals.join(' ')}" stands before \`--\``, 'Write: muster run [options] -- COMMAND [ARGS].'),
      ];
    return theirs && theirs.length > 0
      ? []
      : [usage('muster run was given no command', 'Write: muster run [options] -- COMMAND [ARGS].')];
  }
  if (positionals.length === 0)
    return [
      usage(
        'muster launch was given no runtime',
        'Write: muster launch RUNTIME [options] -- [SERVER ARGS]; `muster runtimes` lists them.',
      ),
    ];
  if (positionals.length > 1) {
    return [
      usage(`"${positionals.slice(1).join(' ')}" stands before \`--\``, 'Arguments of the server belong behind `--`.'),
    ];
  }
  return [];
}

/** User's directories first, then those that ship with muster. */
export function shelvesOf(world: World, settings: Settings): Shelves {
  const users = (settings.runtimes?.value ?? '').split(':').filter(Boolean);
  return {
    directories: [...users.map((each) => resolve(world.cwd, each)), join(world.home, 'runtimes')],
    compiled: readCompiled(world.home),
  };
}

/** Missing in a checkout that was not built: the YAML is parsed then. */
function readCompiled(home: string): Compiled {
  try {
    return JSON.parse(readFileSync(join(home, 'dist', 'catalogue.json'), 'utf8')) as Compiled;
  } catch {
    return {};
  }
}

export type { Entry };
