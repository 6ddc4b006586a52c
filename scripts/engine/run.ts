/** Programs of the machine, for the scripts: their output is kept, and shown only when they fail. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Ignored by git; what is here is made again when it is missing. */
export const cache = join(root, '.cache', 'engine');

export const say = (text: string): void => void process.stderr.write(`engine: ${text}\n`);

export interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
  /** The last words of a program that failed: the last line of them, and more of them. */
  readonly why: string;
  readonly words: string;
}

/** @param timeoutMs it is ended then; five minutes unless told */
export function attempt(argv: readonly string[], how: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {}): Ran {
  const [program = '', ...args] = argv;
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
    timeout: how.timeoutMs ?? 300_000,
    env: how.env ?? process.env,
  });
  const lines = `${stdout}\n${stderr}`.trim().split('\n');
  const last = lines.at(-1) ?? '';
  const end = error ? error.message : `status ${status ?? signal}`;
  return {
    ok: status === 0,
    stdout: stdout ?? '',
    why: last ? `${last} (${end})` : end,
    words: lines.slice(-20).join('\n'),
  };
}

/** @throws Error with the command and its last words */
export function must(argv: readonly string[], how: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {}): string {
  const ran = attempt(argv, how);
  if (!ran.ok) throw new Error(`\`${argv.slice(0, 4).join(' ')} …\` failed: ${ran.why}\n${ran.words}`);
  return ran.stdout;
}

/** Says what takes long, and how long it took. */
export function timed<T>(what: string, work: () => T): T {
  const from = performance.now();
  say(`${what} …`);
  const done = work();
  say(`${what}: done in ${((performance.now() - from) / 1000).toFixed(1)} s`);
  return done;
}
