/** A world of its own for each command: what it printed and its exit status. */
import { dirname } from 'node:path';
import { run } from '../../../src/main.ts';
import type { World } from '../../../src/world.ts';

export const HOME = dirname(dirname(dirname(import.meta.dirname)));

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `muster ${argv}` in `env` and nothing else. */
export async function muster(
  argv: readonly string[],
  env: World['env'] = {},
  more: Partial<World> = {},
): Promise<Answer> {
  let stdout = '';
  let stderr = '';
  const status = await run({
    argv,
    env,
    cwd: HOME,
    home: HOME,
    version: '9.8.7',
    pid: 4711,
    again: ['node', 'bin.js'],
    now: () => 0,
    epochMs: 0,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    onSignal: () => () => {},
    ...more,
  });
  return { status, stdout, stderr };
}
