/** What Kubernetes shows of this container after its end. */
import type { ExitStatus } from '../errors.ts';
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
