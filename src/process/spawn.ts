/**
 * A child process that muster stays with: it leads its own session and process group, carries the run's id, and is gone
 * with its whole family when `stop` says so. Uses execa, loaded only when something is started.
 *
 * Importing execa takes 37 ms and looks at `process.stdin`, `stdout` and `stderr`, which leaves pipes O_NONBLOCK. The
 * child shares them; libuv sets descriptors 0-2 back to blocking when it starts a process (`uv__process_child_init`), so
 * nothing may look at them for the first time once a child runs.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Options } from 'execa';
import { type ErrorCode, MusterError, reasonOf } from '../errors.ts';
import type { Command } from './command.ts';
import { outputTail } from './output-tail.ts';
import { preflight } from './preflight.ts';
import type { Entry } from './process-table.ts';
import { statusOf } from './signals.ts';
import { familyOfTree, stopTree } from './stop-tree.ts';
import { RUN_ID, sweep } from './survivors.ts';

export interface Child {
  readonly pid: number;
  /** The exit status 0-255 as a shell gives it, 128 + n for signal n. Never rejects. */
  readonly exited: Promise<number>;
  /** With `capture`: the last 40 lines of stdout and stderr, each at most 2 KiB, control characters escaped. */
  lastLines(): readonly string[];
  /**
   * Signals the whole process group while its leader lives. Afterwards it does nothing: the group's number may belong to
   * a stranger by then, and `stop` goes by run id instead.
   */
  signal(name: NodeJS.Signals): void;
  /** Notes who of the family is there: one that wipes its environment and loses its parent is ended by `stop` all the same. */
  remember(): Promise<void>;
  /**
   * SIGTERM to the process group, SIGKILL after `graceMs` milliseconds; then the same for those of the family who left
   * the group, and for whoever else carries the run's id, within the same grace. Resolves with the exit status once
   * nobody of them is left. May be called again with less grace, and after the exit, when it ends whoever was left behind.
   *
   * @throws MusterError  SERVER_UNHEALTHY (81) if somebody is left 10 s after SIGKILL
   */
  stop(graceMs: number): Promise<number>;
}

export interface StartOptions {
  /** `inherit`: our stdin, stdout and stderr, untouched. `capture`: no stdin, output kept as `lastLines`. */
  readonly stdio: 'inherit' | 'capture';
  /** Set as MUSTER_RUN_ID in the child's environment; one id for one start, so that a sweep ends only this run. @default a random one */
  readonly runId?: string;
  /** With `capture`: gets each line of stdout and stderr as it ends, escaped. */
  readonly onLine?: (line: string) => void;
}

/** Milliseconds to read on after the exit. A daemon that keeps the pipe open must not keep `exited` waiting. */
const DRAIN_MS = 250;

/**
 * Starts `command`; resolves once it runs.
 *
 * @throws MusterError  the preflight's refusal (126, 127), or SPAWN_FAILED (71) if the system has no room for a process
 */
export async function start(
  command: Command,
  { stdio, runId = randomBytes(8).toString('hex'), onLine }: StartOptions,
): Promise<Child> {
  const env = { ...command.env, [RUN_ID]: runId };
  const [name, ...args] = command.argv;
  const ready = preflight({ argv: command.argv, env });
  if (!ready.ok) throw new MusterError(ready.refusal);

  const { execa } = await import('execa');
  const subprocess = execa(ready.file, args, { ...OPTIONS, argv0: name, env, stdio: STDIO[stdio] });
  const { nodeChildProcess: leader, pid } = subprocess;
  if (pid === undefined) throw notSpawned(name, await subprocess);

  const tail = outputTail(onLine);
  for (const stream of [leader.stdout, leader.stderr]) if (stream) tail.follow(stream);
  let running = true;
  let seen: readonly Entry[] = [];
  const tree = () => ({ pid, runId, isRunning: () => running, seen });
  const exited = new Promise<number>((resolve) => {
    leader.once('exit', async (code, signal) => {
      running = false;
      await drained(leader);
      resolve(statusOf(code, signal));
    });
  });
  return {
    pid,
    exited,
    lastLines: tail.lines,
    signal: (signal) => {
      if (running) signalGroup(pid, signal);
    },
    remember: async () => {
      seen = await familyOfTree(tree());
    },
    stop: async (graceMs) => {
      const killAt = performance.now() + graceMs;
      await stopTree(tree(), graceMs);
      await sweep(runId, Math.max(0, killAt - performance.now()));
      return exited;
    },
  };
}

const OPTIONS = {
  detached: true, // setsid: own session and process group
  cleanup: false, // its end is decided by `stop`, not by our exit
  extendEnv: false,
  reject: false,
  buffer: false,
  stripFinalNewline: false,
} as const satisfies Options;

const STDIO = { inherit: 'inherit', capture: ['ignore', 'pipe', 'pipe'] } as const satisfies Record<
  string,
  Options['stdio']
>;

function signalGroup(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Reads to the end of the output, but not for long; from then on it does not keep this process alive either. */
async function drained(leader: ChildProcess): Promise<void> {
  const open = [leader.stdout, leader.stderr].filter((stream) => stream !== null && !stream.closed);
  if (open.length === 0) return;
  await Promise.race([new Promise((resolve) => leader.once('close', resolve)), sleep(DRAIN_MS)]);
  for (const stream of open) if (stream instanceof Socket) stream.unref();
}

/** What the kernel said although the preflight was content: a full process table, or a file that changed since. */
const CODE_OF: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'NOT_FOUND',
  EACCES: 'NOT_EXECUTABLE',
  ENOEXEC: 'NOT_EXECUTABLE',
  E2BIG: 'ARGS_TOO_LONG',
};

interface Failure {
  readonly cause?: unknown;
  readonly code?: string | undefined;
}

function notSpawned(name: string, { cause, code = 'unknown error' }: Failure): MusterError {
  return new MusterError(
    {
      code: CODE_OF[code] ?? 'SPAWN_FAILED',
      message: `${name} could not be started: ${code} (${reasonOf(cause)})`,
      hint:
        code in CODE_OF
          ? 'Check the program; it may have changed since it was looked at.'
          : 'Raise the limit on processes, open files or memory of the container, then start again.',
    },
    { cause },
  );
}
