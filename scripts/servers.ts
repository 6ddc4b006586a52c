/**
 * Servers that tests and benches run beside muster: started as a family of processes that ends together; those of PyPI are
 * installed once, each into a venv of its own under .cache.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './group.ts';

const READY_MS = 120_000;
/** Of what it said, for the message when it does not start. */
const TOLD_CHARACTERS = 4_000;

/** Installs packages into a venv of their own under .cache, once. @returns the venv; throws when pip does */
export function installVenv(name: string, ...packages: readonly string[]): string {
  const wanted = packages.join(' ');
  const venv = join(root, '.cache', name);
  const stamp = join(venv, '.muster-stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return venv;
  process.stderr.write(`setup: installing ${wanted} into .cache/${name} …\n`);
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(dirname(venv), { recursive: true });
  execFileSync(findPython(), ['-m', 'venv', venv], { stdio: ['ignore', 2, 2] });
  execFileSync(join(venv, 'bin', 'pip'), ['install', '--quiet', ...packages], { stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, wanted);
  return venv;
}

/** One that all of them have wheels for. */
function findPython(): string {
  const probe = 'import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 14) else 1)';
  const found = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'].find(
    (each) => spawnSync(each, ['-c', probe]).status === 0,
  );
  if (!found) throw new Error('Triton, MLServer and KServe need a Python from 3.10 to 3.13 on PATH');
  return found;
}

export interface ServerCommand {
  /** For messages. */
  readonly what: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** All of its environment. @default ours */
  readonly env?: NodeJS.ProcessEnv;
  /** Where 200 means that it is ready. */
  readonly httpPort: number;
  readonly path: string;
}

export interface Running {
  readonly pid: number;
  /** At once, as when a machine dies. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Resolves when it is ready. @throws when it ends before that or takes too long, with what it said */
export async function startServer(command: ServerCommand): Promise<Running> {
  const { what, program, args, cwd, env } = command;
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a family of its own
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      said = (said + String(text)).slice(-TOLD_CHARACTERS);
    });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const kill = async () => {
    endFamily(child);
    await gone;
  };
  const why = await untilReady(child, command);
  if (why === undefined) return { pid: child.pid ?? 0, kill };
  await kill();
  throw new Error(`${what} ${why}:\n${said}`);
}

/** @returns why it is not */
async function untilReady(child: ChildProcess, { httpPort, path }: ServerCommand): Promise<string | undefined> {
  for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(100)) {
    if (child.pid === undefined) return 'could not be started';
    if (child.exitCode !== null || child.signalCode !== null) return 'ended';
    if (await answers(httpPort, path)) return undefined;
  }
  return `was not ready within ${READY_MS / 1000} s`;
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once('error', () => resolve(false));
  });
}

function endFamily({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // gone already
  }
}
