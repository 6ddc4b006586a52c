/**
 * A worker is killed, as a container is: all of its processes at once. It is started again at once. How long until the
 * group answers a request again, and how much of that is muster's own: neither Ray's start nor the server's?
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { end } from '../../src/process/end.ts';
import { familyOf } from '../../src/process/family.ts';
import { hasVariable, readTable } from '../../src/process/process-table.ts';
import { freePorts, MUSTER, root } from '../group.ts';
import { type Figure, figure, quantile } from './figure.ts';

const ROUNDS = 3;
/** Milliseconds. */
const PATIENCE = 60_000;

export async function run(): Promise<Figure[]> {
  const rounds: Recovery[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await oneRecovery());
  const median = (of: (one: Recovery) => number) => quantile(rounds.map(of), 0.5);
  const total = {
    peer: 'all of it, Ray and the server included',
    peerValue: median(({ answered, killed }) => answered - killed),
  };
  const row = (name: string, value: number) =>
    figure({ bench: 'recover', figure: `${name}, median of ${ROUNDS}`, value, unit: 'ms', ...total }, 0);
  return [
    row("worker killed and started again → a request answered: muster's own share", median(share)),
    row(
      'the head has noticed',
      median(({ noticed, killed }) => noticed - killed),
    ),
    row(
      'Ray starts again',
      median(({ rayStarts, killed }) => rayStarts - killed),
    ),
  ];
}

/** Wall clock, ms. */
interface Recovery {
  readonly killed: number;
  readonly noticed: number;
  readonly rayStarts: number;
  readonly serverStarts: number;
  readonly ready: number;
  readonly answered: number;
}

/** Less Ray, from its start until all its nodes are listed, and less the server, from its start until it is ready. */
const share = ({ killed, rayStarts, serverStarts, ready, answered }: Recovery): number =>
  answered - killed - (serverStarts - rayStarts) - (ready - serverStarts);

async function oneRecovery(): Promise<Recovery> {
  const directory = mkdtempSync(join(tmpdir(), 'm-'));
  const [rally = 0, engine = 0, http = 0] = await freePorts(3);
  const start = (rank: number): Member => {
    const place = [
      '--world-size=2',
      `--rank=${rank}`,
      `--member=m${rank}`,
      '--head-address=127.0.0.1',
      '--probe-port=0',
    ];
    const ports = [`--rally-port=${rally}`, `--engine-port=${engine}`, `--server-port=${http}`];
    const temp = `--engine-arg=--temp-dir=${join(directory, String(rank))}`;
    return new Member(
      ['launch', 'demo', ...place, ...ports, temp, ...(rank === 0 ? ['--', '--tensor-parallel-size=2'] : [])],
      `${directory}-${rank}`,
    );
  };
  const head = start(0);
  const worker = start(1);
  await Promise.all([head.said(/ready after/), worker.said(/the whole group is ready/)]);
  head.forget();
  const killed = Date.now();
  await worker.killAll();
  const again = start(1);
  const noticed = await head.said(/the group meets again/);
  const rayStarts = await head.said(/starting Ray/);
  const serverStarts = await head.said(/starting demo/);
  const ready = await head.said(/ready after/);
  await complete(http);
  const answered = Date.now();
  await Promise.all([head, again].map((member) => member.stop()));
  rmSync(directory, { recursive: true, force: true });
  return { killed, noticed, rayStarts, serverStarts, ready, answered };
}

async function complete(port: number): Promise<void> {
  const body = JSON.stringify({ model: 'demo', prompt: 'a', max_tokens: 1 });
  const reply = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  if (!reply.ok) throw new Error(`the recovered group answered ${reply.status}`);
}

/** One muster process whose lines are timed as they come. */
class Member {
  readonly #child: ChildProcess;
  readonly #mark: string;
  readonly #gone: Promise<unknown>;
  #lines: { text: string; at: number }[] = [];
  #look: () => void = () => {};

  constructor(argv: readonly string[], mark: string) {
    this.#mark = mark;
    const env = { ...process.env, PATH: `${join(root, '.venv', 'bin')}:${process.env.PATH}`, BENCH_MEMBER: mark };
    this.#child = spawn(MUSTER[0], [MUSTER[1], ...argv], { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    this.#gone = new Promise((resolve) => this.#child.once('exit', resolve));
    createInterface({ input: this.#child.stderr as NodeJS.ReadableStream }).on('line', (text) => {
      this.#lines.push({ text, at: Date.now() });
      this.#look();
    });
  }

  /** When the first line that matches came. */
  said(what: RegExp): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(
      () => reject(new Error(`${what} was not said: ${this.#lines.map(({ text }) => text).join('\n')}`)),
      PATIENCE,
    );
    this.#look = () => {
      const line = this.#lines.find(({ text }) => what.test(text));
      if (line) resolve(line.at);
    };
    this.#look();
    return promise.finally(() => clearTimeout(timer));
  }

  forget(): void {
    this.#lines = [];
  }

  /** Everything of it, as the end of a container takes it. */
  async killAll(): Promise<void> {
    const ours = async () => familyOf(await readTable(), ({ pid }) => hasVariable(pid, 'BENCH_MEMBER', this.#mark), 0);
    await end(ours, 0);
    await this.#gone;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#gone;
  }
}
