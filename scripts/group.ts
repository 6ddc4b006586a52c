/** A group of muster processes on this machine: what the demo shows and the benches measure. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const MUSTER = [process.execPath, join(root, 'dist', 'bin.js')] as const;

export interface GroupOptions {
  readonly runtime: string;
  readonly members: number;
  readonly ports: { readonly rally: number; readonly engine: number; readonly http: number };
  /** Further muster options of a member. */
  readonly options: (rank: number) => readonly string[];
  /** Given to the head only, as KServe does. */
  readonly serverArgs: readonly string[];
}

export interface Group {
  /** The head said that it is ready; rejects when a member ends first. */
  readonly ready: Promise<void>;
  /** SIGTERM to all, waits for all. */
  stop(): Promise<void>;
  /** Command lines of processes of this group that still live. */
  survivors(): string[];
}

/** Starts the members; each one's lines are shown behind its name. */
export function startGroup({ runtime, members, ports, options, serverArgs }: GroupOptions): Group {
  const id = randomBytes(8).toString('hex');
  const ready = Promise.withResolvers<void>();
  const start = (rank: number): ChildProcess => {
    const name = rank === 0 ? 'head' : `worker-${rank}`;
    const where = [`--world-size=${members}`, `--rank=${rank}`, `--member=${name}`, '--head-address=127.0.0.1'];
    const onPorts = [`--rally-port=${ports.rally}`, `--engine-port=${ports.engine}`, `--server-port=${ports.http}`];
    const args = [
      'launch',
      runtime,
      ...where,
      ...onPorts,
      '--takeover=supervise',
      '--probe-port=0', // all members are on this machine
      ...options(rank),
      ...(rank === 0 ? ['--', ...serverArgs] : []),
    ];
    const child = spawn(MUSTER[0], [MUSTER[1], ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [MARK]: id },
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        process.stdout.write(`${coloured(rank, name.padEnd(9))} ${line}\n`);
        if (rank === 0 && / ready after /.test(line)) ready.resolve();
      });
    }
    child.once('exit', (code, signal) =>
      ready.reject(new Error(`${name} ended (${signal ?? `status ${code}`}) before the group was ready`)),
    );
    return child;
  };
  const children = Array.from({ length: members }, (_, rank) => start(rank));
  const stop = async () => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }),
    );
  };
  ready.promise.catch(() => {});
  return { ready: ready.promise, stop, survivors: () => processesOf(id) };
}

/** Inherited by everything a member starts, Ray's daemons too. */
const MARK = 'DEMO_GROUP';

function processesOf(id: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${MARK}=${id}`)) return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`];
      } catch {
        return []; // gone, or not ours to see
      }
    });
}

const coloured = (rank: number, text: string): string =>
  process.stdout.isTTY ? `\x1b[${36 - (rank % 6)}m${text}\x1b[0m` : text;

let next = 20_000 + Math.floor(Math.random() * 12_000);

/**
 * Free on all interfaces, each given out once, whichever process of ours asks: above Ray's worker ports (10002-19999), below
 * those the kernel gives to connections (32768 and up), so that nobody else takes one before its owner does.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    next = next >= 32_000 ? 20_000 : next + 1;
    if ((await isOurs(next)) && (await isFree(next))) ports.push(next);
  }
  return ports;
}

/** Holds a name of the kernel's (an abstract socket) for the port, as long as this process lives; false: another has it. */
function isOurs(port: number): Promise<boolean> {
  const name = createServer().unref();
  return new Promise((resolve) => {
    name.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    name.listen(`\0muster-port-${port}`, () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}
