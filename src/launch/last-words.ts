/** What Kubernetes shows of this container after its end. */
import type { ExitStatus } from '../errors.ts';
import type { World } from '../world.ts';
import { cutArgv } from './args/cut.ts';
import { parseFlags } from './args/parse-flags.ts';
import { resolveSettings } from './args/settings.ts';
import { endingOf } from './generation.ts';
import type { Launch } from './launch.ts';
import type { Ending } from './rally/rally.ts';

/** Writes one line to the termination log, where there is one. */
export async function sayLastWords(launch: Launch, ending: Ending, status: ExitStatus): Promise<void> {
  const { terminationLogPath, writeLastWords } = await import('./watch/termination-log.ts');
  const path = terminationLogPath(launch.terminationLog);
  if (path === undefined) return;
  const { lastWords } = await import('./watch/last-words.ts');
  const { life, secrets, log, world } = launch;
  const mirrored = ending.code === 'STOPPED' && life.serverStatus !== undefined;
  const words = {
    ending,
    status,
    mirrored,
    board: life.keeper.board,
    lines: life.lastLines(),
    secrets,
    now: world.now(),
  };
  writeLastWords(path, lastWords(words), log.warn);
}

/**
 * The same for a launch that was refused before there was a plan: a flag that is none, a model that is not there, a port
 * that is taken. Who only asked what a launch would do (--explain, --dry-run) has ended nothing.
 *
 * @param argv behind the command's own name; may be what is refused
 */
export async function sayRefusal(world: World, argv: readonly string[], error: unknown): Promise<void> {
  const { settings } = resolveSettings(parseFlags(cutArgv(argv).ours).flags, world.env);
  if (settings.explain?.value || settings['dry-run']?.value) return;
  const { terminationLogPath, writeLastWords } = await import('./watch/termination-log.ts');
  const path = terminationLogPath(settings['termination-log']?.value);
  if (path === undefined) return;
  const [{ lastWords }, { secretValues }] = await Promise.all([
    import('./watch/last-words.ts'),
    import('./watch/redact.ts'),
  ]);
  const ending = endingOf(error);
  const words = {
    ending,
    status: ending.exitStatus,
    mirrored: false,
    board: undefined,
    lines: [],
    secrets: secretValues(world.env, undefined),
    now: world.now(),
  };
  writeLastWords(path, lastWords(words), (message) => world.stderr(`muster: ${message}\n`));
}
