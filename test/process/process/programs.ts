/** Runs the fixture programs: each wait is for an event and has an end. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Child, start } from '../../../src/process/spawn.ts';
import { sweep } from '../../../src/process/survivors.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
/** Milliseconds; no program here needs a tenth of it. */
const PATIENCE_MS = 60_000;
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const fixture = (name: string): string => join(FIXTURES, name);

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'muster-process-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what}: not within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** A captured child whose next lines can be waited for. Whatever the test leaves of it is swept away. */
export interface Talking {
  readonly child: Child;
  readonly runId: string;
  /** Resolves with the next line not asked for yet. */
  line(): Promise<string>;
}

export async function talk(argv: readonly [string, ...string[]], env: Record<string, string> = {}): Promise<Talking> {
  const runId = randomUUID();
  const heard: string[] = [];
  const wanted: ((line: string) => void)[] = [];
  const onLine = (line: string) => {
    const next = wanted.shift();
    if (next) next(line);
    else heard.push(line);
  };
  onTestFinished(async () => void (await sweep(runId, 0)));
  const child = await start({ argv, env: { PATH, ...env } }, { stdio: 'capture', runId, onLine });
  const line = () =>
    inTime(
      heard.length > 0 ? Promise.resolve(heard.shift()!) : new Promise<string>((resolve) => wanted.push(resolve)),
      `a line of ${argv[0]}`,
    );
  return { child, runId, line };
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly pid: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `runner` (a .ts fixture) with this Node and `spec` as its JSON file, all stdio on pipes, to its end. */
export function runWith(runner: string, spec: unknown, how: { cwd?: string } = {}): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'muster-spec-'));
  const file = join(directory, 'spec.json');
  writeFileSync(file, JSON.stringify(spec));
  return runToEnd([process.execPath, fixture(runner), file], how).finally(() => rmSync(directory, { recursive: true }));
}

export async function runToEnd(argv: readonly [string, ...string[]], { cwd = tmpdir() } = {}): Promise<Ended> {
  const [file, ...args] = argv;
  const program = spawn(file, args, { cwd, env: { PATH }, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  program.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  program.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const closed = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    program.once('close', (status, signal) => resolve([status, signal]));
    program.once('error', reject);
  });
  const [status, signal] = await inTime(closed, argv.join(' ')).finally(() => program.kill('SIGKILL'));
  return {
    status,
    signal,
    pid: program.pid!,
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr).toString(),
  };
}

/** Runs `task` for each item, `width` at a time, and gives the results in order. */
export async function inParallel<A, B>(
  items: readonly A[],
  width: number,
  task: (item: A) => Promise<B>,
): Promise<B[]> {
  const results: B[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}

/** What `ls /proc/self/fd` prints in any program started from here: 0-2, what this test was given, and ls's own. */
export const inheritedDescriptors = async (): Promise<string> =>
  (await runToEnd(['ls', '/proc/self/fd'])).stdout.toString();

/** Is the process there, and not a zombie? */
export function isThere(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
