/**
 * The built program as its users start it: real processes, known by their PIDs and by a variable that everything they
 * start inherits. Each test has a stage of its own; when it is over nobody of it may be left, and that is checked.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test as base, expect } from 'vitest';
import { freePorts } from '../../../scripts/group.ts';
import { end } from '../../../src/process/end.ts';
import { familyOf } from '../../../src/process/family.ts';
import { type Entry, hasVariable, nameOf, readEntry, readTable } from '../../../src/process/process-table.ts';
import { statusOf } from '../../../src/process/signals.ts';

export { freePorts };

const ROOT = join(import.meta.dirname, '../../..');
export const BIN = join(ROOT, 'dist', 'bin.js');
export const RUNTIMES = join(ROOT, 'test/fixtures/runtimes');
/** The venv's python and ray first. */
export const PATH = `${join(ROOT, '.venv/bin')}:/usr/local/bin:/usr/bin:/bin`;
/** Not MUSTER_…: those are kept from servers. */
const MARK = 'TEST_STAGE';
/** Milliseconds; what has a bound of its own is given it. */
const PATIENCE_MS = 60_000;

export interface Ended {
  /** As a shell gives it: 128 + n for signal n. */
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Milliseconds on the monotonic clock. */
  readonly at: number;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Written to stdin, which is then closed; without it stdin is /dev/null. */
  readonly stdin?: string;
  /** @default dist/bin.js by this Node */
  readonly program?: readonly [string, ...string[]];
}

/** One muster process. */
export class Muster {
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #over: Promise<Ended>;
  #isOver = false;

  constructor(argv: readonly string[], mark: string, { env = {}, stdin, program }: StartOptions) {
    const [file, ...first] = program ?? [process.execPath, BIN];
    this.#child = spawn(file, [...first, ...argv], {
      // No resident port: all members are on this machine, and so are other tests.
      env: { PATH, HOME: homedir(), MUSTER_PROBE_PORT: '0', [MARK]: mark, ...env },
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true, // its session is not ours: ties of family must not lead to this test
    });
    if (stdin !== undefined) this.#child.stdin!.end(stdin);
    this.#child.stdout!.on('data', (chunk: Buffer) => this.#news(() => this.#stdout.push(chunk)));
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#news(() => this.#lines.push(line)));
    this.#over = this.#wait();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it has said on stderr until now. */
  get stderr(): string {
    return this.#lines.join('\n');
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Nobody reads its stderr any more. */
  deafen(): void {
    this.#child.stderr!.destroy();
  }

  /** Resolves with the first line on stderr that matches; rejects when it ends, or `withinMs` passes, without one. */
  said(what: RegExp, withinMs = PATIENCE_MS): Promise<string> {
    return this.#until(what, () => this.#lines.find((line) => what.test(line)), withinMs);
  }

  /** The same for the server's words on stdout. */
  printed(what: RegExp, withinMs = PATIENCE_MS): Promise<string> {
    return this.#until(what, () => what.exec(this.stdout.toString())?.[0], withinMs);
  }

  ended(withinMs = PATIENCE_MS): Promise<Ended> {
    return inTime(this.#over, withinMs, () => `${this.#name} has not ended; it said:\n${this.#lately}`);
  }

  get #name(): string {
    return this.#child.spawnargs.slice(2, 8).join(' ').slice(0, 200);
  }

  /** For a message: the end of what it said. */
  get #lately(): string {
    return this.#lines.slice(-25).join('\n');
  }

  async #wait(): Promise<Ended> {
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    const [status, at] = await new Promise<[number, number]>((resolve, reject) => {
      this.#child.once('exit', (code, signal) => resolve([statusOf(code, signal), performance.now()]));
      this.#child.once('error', reject);
    });
    // Whoever is left may hold the pipes: that is found elsewhere, and must not hide what was said.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
    this.#news(() => {
      this.#isOver = true;
    });
    return { status, stdout: this.stdout, stderr: this.stderr, at };
  }

  #news(happens: () => void): void {
    happens();
    for (const listener of [...this.#listeners]) listener();
  }

  #until<T>(what: RegExp, find: () => T | undefined, withinMs: number): Promise<T> {
    const words = () =>
      `${this.#name} did not say ${what}; it said:\n${this.#lately}\nand on stdout:\n${this.stdout.subarray(-1_000)}`;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = find();
      if (found !== undefined) resolve(found);
      else if (this.#isOver) reject(new Error(`ended: ${words()}`));
    };
    this.#listeners.add(look);
    look();
    return inTime(promise, withinMs, words).finally(() => this.#listeners.delete(look));
  }
}

/** Where the group meets on this machine; one set of ports for all its members. */
export interface Meeting {
  readonly rally: number;
  readonly engine: number;
  readonly http: number;
}

export interface GroupOptions extends StartOptions {
  /** `launch RUNTIME`, or `run`. */
  readonly command: readonly string[];
  readonly members: number;
  readonly meeting?: Meeting;
  /** Another name than its rank gives it. */
  readonly as?: string;
  /** Of every member. */
  readonly options?: readonly string[];
  /** Further ones of each. */
  readonly own?: (rank: number) => readonly string[];
  /** Given to the head only, as KServe does. */
  readonly serverArgs?: readonly string[];
}

/** What one test starts. */
export class Stage {
  readonly mark = randomUUID();
  readonly #started: Muster[] = [];
  readonly #directories: string[] = [];
  #known: readonly Entry[] = [];

  start(argv: readonly string[], options: StartOptions = {}): Muster {
    const muster = new Muster(argv, this.mark, options);
    this.#started.push(muster);
    return muster;
  }

  /** Runs to its end. */
  run(argv: readonly string[], options: StartOptions = {}): Promise<Ended> {
    return this.start(argv, options).ended();
  }

  /** One member of a group on loopback. */
  member(rank: number, group: GroupOptions): Muster {
    const { command, members, meeting, options = [], own = () => [], serverArgs } = group;
    if (!meeting) throw new Error('members of one group need one meeting');
    const name = group.as ?? (rank === 0 ? 'head' : `worker-${rank}`);
    const place = [`--world-size=${members}`, `--rank=${rank}`, `--member=${name}`, ...meetingAt(meeting)];
    const ours = [...place, ...options, ...own(rank)];
    return this.start([...command, ...ours, ...(serverArgs ? ['--', ...serverArgs] : [])], group);
  }

  /** All of them at once; the head first in the list. `run` gives the command to every member. */
  async group(options: GroupOptions): Promise<[Muster, ...Muster[]]> {
    const meeting = options.meeting ?? (await aMeeting());
    const everybody = options.command[0] === 'run';
    const { serverArgs, ...workers } = options;
    const head = this.member(0, { ...options, meeting });
    const others = Array.from({ length: options.members - 1 }, (_, index) =>
      this.member(index + 1, { ...(everybody ? options : workers), meeting }),
    );
    return [head, ...others];
  }

  /** A short path: a socket's name holds 107 characters, and Ray adds 60. Gone with the stage. */
  directory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'm-'));
    this.#directories.push(directory);
    return directory;
  }

  /**
   * A directory of its own for each member's Ray, as on a machine of its own: nodes that start at once in one directory
   * may pick the same socket, and one of them then times out (Ray 2.58, three workers, seen twice in two tries).
   */
  rayDirectories(): (rank: number) => readonly string[] {
    const directory = this.directory();
    return (rank) => [`--engine-arg=--temp-dir=${join(directory, String(rank))}`];
  }

  /** Everybody alive who carries the mark, or is tied by family to somebody who does or did. */
  async #left(): Promise<readonly Entry[]> {
    const known = new Map(this.#known.map(({ pid, started }) => [pid, started]));
    const isOurs = ({ pid, started }: Entry) => known.get(pid) === started || hasVariable(pid, MARK, this.mark);
    return familyOf(await readTable(), isOurs, readEntry(process.pid)?.session ?? 0);
  }

  /** Remembers who is there now: one that wipes its environment and loses its parent is found again all the same. */
  async remember(): Promise<void> {
    this.#known = await this.#left();
  }

  /** PIDs of the stage whose command line matches. */
  async find(what: RegExp): Promise<readonly number[]> {
    return (await this.survivors()).filter(({ command }) => what.test(command)).map(({ pid }) => pid);
  }

  /** Signals those of the stage whose command line matches; at least one must. */
  async kill(what: RegExp, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const pids = await this.find(what);
    if (pids.length === 0) throw new Error(`nobody of the stage is like ${what}`);
    for (const pid of pids) process.kill(pid, signal);
  }

  async survivors(): Promise<readonly { pid: number; command: string }[]> {
    return (await this.#left()).map(nameOf);
  }

  /** Ends whoever is there. */
  async sweep(): Promise<void> {
    await end(() => this.#left(), 0);
    for (const directory of this.#directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  }

  /** @returns what is wrong at the end of a test */
  async complaint(): Promise<string | undefined> {
    const running = this.#started.filter(({ isOver }) => !isOver);
    if (running.length > 0) return `still running: ${running.map(({ pid }) => pid)}`;
    const left = await this.survivors();
    return left.length === 0
      ? undefined
      : `left behind: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`;
  }
}

/** A test with a stage. It fails when a muster still runs at its end, or when any process of the stage is left. */
export const test = base.extend<{ stage: Stage }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the pattern
  stage: async ({}, use) => {
    const stage = new Stage();
    let complaint: string | undefined;
    try {
      await use(stage);
      complaint = await stage.complaint();
    } finally {
      await stage.sweep();
    }
    expect(complaint).toBeUndefined();
  },
});

/** Options that say where a group on loopback meets; once, so that a test sees how a generation ends. */
const meetingAt = ({ rally, engine, http }: Meeting): string[] => [
  '--head-address=127.0.0.1',
  `--rally-port=${rally}`,
  `--engine-port=${engine}`,
  `--server-port=${http}`,
  `--runtimes=${RUNTIMES}`,
  '--restarts=0',
];

export async function aMeeting(): Promise<Meeting> {
  const [rally = 0, engine = 0, http = 0] = await freePorts(3);
  return { rally, engine, http };
}

export async function inTime<T>(promise: Promise<T>, withinMs: number, words: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${withinMs} ms: ${words()}`)), withinMs);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** It ended with this status, and its last words carry the code and say why. */
export function expectEnd({ status, stderr }: Ended, want: { status: number; code?: string; says?: RegExp }): void {
  expect(status, stderr).toBe(want.status);
  if (want.code) expect(stderr).toMatch(new RegExp(`(?:ERROR|muster:) ${want.code} `));
  if (want.says) expect(stderr.split('\n').slice(-8).join('\n')).toMatch(want.says);
}
