/** Picks the command; each one is loaded only when asked for. Returns the exit status: only `bin.ts` exits. */
import { EXIT, type ExitStatus, MusterError } from './errors.ts';
import { printable } from './printable.ts';
import type { World } from './world.ts';

export async function run(world: World): Promise<ExitStatus> {
  const [command = '--help', ...rest] = world.argv;
  try {
    if (wantsHelp(rest)) return await (await import('./cli/help.ts')).help(world);
    switch (command) {
      case 'launch':
      case 'run':
        return await (await import('./cli/launch.ts')).launchCommand(world, command, rest);
      case 'probe':
        return await (await import('./cli/probe.ts')).probeCommand(world, rest);
      case 'status':
        return await (await import('./cli/status.ts')).statusCommand(world, rest);
      case 'gateway':
        return await (await import('./cli/gateway.ts')).gatewayCommand(world, rest);
      case 'bench':
        return await (await import('./cli/bench.ts')).benchCommand(world, rest);
      case 'doctor':
        return await (await import('./cli/doctor.ts')).doctorCommand(world, rest);
      case 'local':
        return await (await import('./cli/local.ts')).localCommand(world, rest);
      case 'runtimes':
        return await (await import('./cli/runtimes.ts')).runtimesCommand(world, rest);
      case 'install':
        return await (await import('./cli/install.ts')).installCommand(world, rest);
      default:
        return await (await import('./cli/help.ts')).help(world);
    }
  } catch (error) {
    const status = report(error, world);
    if (command === 'launch' || command === 'run')
      await (await import('./launch/last-words.ts')).sayRefusal(world, rest, error);
    return status;
  }
}

/** Ours only: a `--help` behind `--` is the server's. */
const wantsHelp = (argv: readonly string[]): boolean => {
  const ours = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  return ours.includes('--help') || ours.includes('-h');
};

function report(error: unknown, world: World): ExitStatus {
  if (!(error instanceof MusterError)) {
    world.stderr(
      `muster: BUG ${error instanceof Error ? error.stack : String(error)}\n→ Please report this with the command line.\n`,
    );
    return EXIT.bug;
  }
  for (const { code, message, hint } of error.refusals)
    world.stderr(`muster: ${code} ${printable(message)}\n→ ${printable(hint)}\n`);
  return error.exitStatus;
}
