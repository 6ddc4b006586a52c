/**
 * How the rally grows: 10 to 5,000 members over real gRPC, the head in a process of its own.
 *
 * Nothing a user would take instead can be measured like this: Ray's and torch's rendezvous register processes that each
 * need hundreds of MiB. So the peer is the floor: grpc-js with the same streams and messages that decides nothing. The
 * ratio shows what muster adds. A member that is lost while nothing happens fails the bench.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { type Figure, figure } from './figure.ts';
import type { Cost } from './rally-process.ts';

const SIZES = [10, 100, 1_000, 5_000];
/** Two clients beside the head on two cores slow the head down more than they speed the members up. */
const CLIENTS = 1;

export async function run({ slow = process.argv.includes('--slow') } = {}): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'mb-'));
  try {
    await bundle(dir);
    const figures: Figure[] = [];
    for (const size of SIZES) {
      const floor = await measure(dir, { program: 'rally-floor', size, watchMs: 20_000 });
      const head = await measure(dir, { program: 'rally-head', size, watchMs: slow ? 60_000 : 20_000 });
      figures.push(...beside(size, head, floor));
    }
    return figures;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** As users run it: one file of JavaScript. Node's own TypeScript would count as 20 MiB of the head. */
const bundle = (dir: string) =>
  build({
    entryPoints: ['rally-head', 'rally-floor', 'rally-members'].map((name) => join(import.meta.dirname, `${name}.ts`)),
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });

interface Contest {
  readonly program: string;
  readonly size: number;
  readonly watchMs: number;
}

interface Measured {
  /** From the first member's first packet to the last one's welcome. */
  readonly seatedMs: number;
  readonly rssMib: number;
  /** Of one core, while there is nothing but beats. */
  readonly beatsPercent: number;
  /** Each way. */
  readonly beatsPerSecond: number;
  readonly watchedMs: number;
}

async function measure(dir: string, { program, size, watchMs }: Contest): Promise<Measured> {
  const children: ChildProcess[] = [];
  const start = (name: string, ...args: number[]) => {
    const child = fork(join(dir, `${name}.mjs`), args.map(String), { execArgv: [] });
    children.push(child);
    return child;
  };
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const said = <T>(child: ChildProcess, key: string) =>
    Promise.race([
      failure.promise,
      new Promise<T>((resolve) =>
        child.on('message', (what: Record<string, unknown>) => {
          if (key in what) resolve(what[key] as T);
          const bad = what.ended ?? what.failed;
          if (bad !== undefined) failure.reject(new Error(`${program}, ${size} members: ${bad}`));
        }),
      ),
    ]);
  try {
    const head = start(program, size);
    const [port, beatMs] = await Promise.all([said<number>(head, 'port'), said<number>(head, 'beatMs')]);
    const cost = () => {
      const answer = said<Cost>(head, 'cost');
      head.send('cost');
      return answer;
    };
    const share = Math.ceil((size - 1) / CLIENTS);
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      start('rally-members', port, 1 + index * share, Math.min(size, 1 + (index + 1) * share)),
    );
    const times = (key: string) => Promise.all(clients.map((client) => said<number>(client, key)));
    const [began, seated] = await Promise.all([times('beganAt'), times('seatedAt')]);
    const allIn = await cost();
    await sleep(2_000); // the start orders, and the collector after the arrivals
    const before = await cost();
    await Promise.race([sleep(watchMs), failure.promise]);
    const after = await cost();
    return {
      seatedMs: Math.max(...seated) - Math.min(...began),
      rssMib: Math.max(allIn.rssMib, after.rssMib),
      beatsPercent: (100 * (after.cpuMs - before.cpuMs)) / (after.atMs - before.atMs),
      beatsPerSecond: (1000 * (size - 1)) / beatMs,
      watchedMs: watchMs,
    };
  } finally {
    await Promise.all(children.map(ended));
  }
}

function ended(child: ChildProcess): Promise<unknown> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.kill('SIGKILL');
  return gone;
}

function beside(size: number, head: Measured, floor: Measured): Figure[] {
  const peer = 'grpc-js that decides nothing';
  const count = size.toLocaleString('en');
  const row = (what: string, unit: string, of: (measured: Measured) => number) =>
    figure(
      { bench: 'scale', figure: `${count} members: ${what}`, value: of(head), unit, peer, peerValue: of(floor) },
      1,
    );
  return [
    row('all seated', 'ms', ({ seatedMs }) => seatedMs),
    row('head RSS, all in and beating', 'MiB', ({ rssMib }) => rssMib),
    row(
      `head CPU of ${Math.round(head.beatsPerSecond)} beats a second each way, nobody lost in ${head.watchedMs / 1000} s`,
      '% of a core',
      ({ beatsPercent }) => beatsPercent,
    ),
  ];
}
