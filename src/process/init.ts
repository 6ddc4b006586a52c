/**
 * Being PID 1. A container's first process must reap every orphan and gets no default signal action. Node does neither:
 * it waits for its own children only (50 of 50 orphans stayed zombies, measured), and a program that replaces it as PID 1
 * ignores SIGTERM unless it has a handler. tini does both, so muster never claims to be an init: it puts tini below itself.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { Command } from './command.ts';

/** Set when muster was started again under tini, so that it is tried once only. */
export const UNDER_INIT = 'MUSTER_UNDER_INIT';

export interface Place {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of tini; undefined: there is none. */
  readonly tini: string | undefined;
}

/** `reparent`: become tini first; `warn`: nobody will reap; `fine`: somebody else is PID 1. Pure. */
export function initPlan({ pid, env, tini }: Place): 'fine' | 'reparent' | 'warn' {
  if (pid !== 1) return 'fine';
  return tini && !env[UNDER_INIT] ? 'reparent' : 'warn';
}

/** `command` as tini's child. `-g`: a signal reaches the child's whole group, as an interactive Ctrl-C would. */
export const underTini = (tini: string, { argv, env }: Command): Command => ({
  argv: [tini, '-g', '--', ...argv],
  env,
});

/** Where `muster install` puts one. */
const INSTALLED = join(dirname(process.execPath), 'lib', 'tini');

/** Beside muster in an installed folder, or as Debian and Docker call it. */
export function findTini(path: string, besides: readonly string[] = [INSTALLED]): string | undefined {
  const candidates = [
    ...besides,
    ...path
      .split(delimiter)
      .filter(isAbsolute)
      .flatMap((dir) => [join(dir, 'tini'), join(dir, 'tini-static')]),
  ];
  return [...candidates, '/sbin/docker-init'].find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
