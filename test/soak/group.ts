/** Four real members on loopback, each behind a wire of its own, and a scheduler that starts again whoever is gone. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusJson } from '../../src/launch/watch/status-report.ts';
import { hasVariable } from '../../src/process/process-table.ts';
import { freePorts, type Muster, PATH, type Stage } from '../process/support/stage.ts';
import { Wire } from '../wire/rally/fixture.ts';
import type { Event } from './history.ts';

export const MEMBERS = 4;
/** The product's own default. */
export const LEASE_MS = 3_000;
/** Whatever takes longer is a hang, on a machine that has other work too. Milliseconds. */
export const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const RANKS = Array.from({ length: MEMBERS }, (_, rank) => rank);

/** One process of one member. */
export interface Life {
  /** `worker-1#3` */
  readonly name: string;
  readonly rank: number;
  readonly muster: Muster;
  /** The wall clock, milliseconds. */
  readonly bornAt: number;
}

export type Status = StatusJson;
type Told = Status['faults'][number];

export const memberOf = (rank: number): string => (rank === 0 ? 'head' : `worker-${rank}`);

export class SoakGroup {
  readonly wires: readonly Wire[];
  readonly rallyPort: number;
  readonly #stage: Stage;
  readonly #ports: { readonly engine: number; readonly http: number; readonly probes: readonly number[] };
  readonly #scratch: string;
  readonly #lives: Life[][] = RANKS.map(() => []);
  /** Lives that ended without being killed by the test, e.g. after SIGTERM. */
  readonly exits: string[] = [];

  private constructor(
    stage: Stage,
    wires: readonly Wire[],
    [rally = 0, engine = 0, http = 0, ...probes]: readonly number[],
  ) {
    this.#stage = stage;
    this.wires = wires;
    this.rallyPort = rally;
    this.#ports = { engine, http, probes };
    this.#scratch = stage.directory();
  }

  static async on(stage: Stage): Promise<SoakGroup> {
    const ports = await freePorts(3 + MEMBERS);
    const wires = await Promise.all(RANKS.map(() => Wire.to(ports[0] ?? 0)));
    const group = new SoakGroup(stage, wires, ports);
    for (const rank of RANKS) group.start(rank);
    return group;
  }

  life(rank: number): Life {
    const life = this.#lives[rank]?.at(-1);
    if (!life) throw new Error(`rank ${rank} was never started`);
    return life;
  }

  start(rank: number): void {
    const { engine, http, probes } = this.#ports;
    const rally = rank === 0 ? this.rallyPort : this.wires[rank]?.port;
    const lives = this.#lives[rank] ?? [];
    const name = `${memberOf(rank)}#${lives.length + 1}`;
    const place = [
      `--world-size=${MEMBERS}`,
      `--rank=${rank}`,
      `--member=${memberOf(rank)}`,
      '--head-address=127.0.0.1',
    ];
    const ports = [
      `--rally-port=${rally}`,
      `--engine-port=${engine}`,
      `--server-port=${http}`,
      `--probe-port=${probes[rank]}`,
    ];
    const times = [
      `--lease=${LEASE_MS / 1000}`,
      '--hang-timeout=3',
      '--grace=2',
      '--restarts=1000',
      '--restart-window=1',
    ];
    const server = rank === 0 ? ['--', `--tensor-parallel-size=${MEMBERS}`] : [];
    const muster = this.#stage.start(
      [
        'launch',
        'demo-native',
        ...place,
        ...ports,
        ...times,
        '--log-format=json',
        '--termination-log=/dev/null',
        ...server,
      ],
      { env: { [LIFE]: name, TMPDIR: this.#scratch, PATH } },
    );
    lives.push({ name, rank, muster, bornAt: Date.now() });
  }

  /** As a container's end: all that this life started goes with it. */
  async kill(rank: number): Promise<void> {
    const { muster, name } = this.life(rank);
    muster.kill('SIGKILL');
    await muster.ended(PATIENCE_MS);
    for (const { pid } of await this.#stage.survivors()) if (hasVariable(pid, LIFE, name)) process.kill(pid, 'SIGKILL');
  }

  /** The model server of one member. */
  async server(rank: number): Promise<number> {
    const found = await this.#stage.find(new RegExp(`server\\.py .*--node-rank=${rank}\\b`));
    if (found.length !== 1) throw new Error(`rank ${rank} has ${found.length} servers`);
    return found[0] ?? 0;
  }

  async status(rank: number): Promise<Status | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#ports.probes[rank]}/status`, {
        signal: AbortSignal.timeout(2_000),
      });
      return (await answer.json()) as Status;
    } catch {
      return undefined; // it is not there, or frozen
    }
  }

  /** Faults that a member has told of since; those of its present life. */
  async told(rank: number, since: string): Promise<readonly Told[]> {
    return ((await this.status(rank))?.faults ?? []).filter(({ at }) => at > since);
  }

  /** Until everybody is ready and a request through the head's server was answered; starts again whoever has ended. */
  async healthy(): Promise<readonly Status[]> {
    let statuses: readonly (Status | undefined)[] = [];
    await until(
      async () => {
        this.#reschedule();
        statuses = await Promise.all(RANKS.map((rank) => this.status(rank)));
        return statuses.every((each) => each?.ready.yes) && (await this.#answers());
      },
      () =>
        `not healthy: ${statuses.map((each, rank) => `${memberOf(rank)}: ${each ? (each.ready.why ?? 'ready') : 'silent'}`).join('; ')}`,
    );
    return statuses.filter((each) => each !== undefined);
  }

  #reschedule(): void {
    for (const rank of RANKS) {
      const { muster, name } = this.life(rank);
      if (!muster.isOver) continue;
      this.exits.push(name);
      this.start(rank);
    }
  }

  /** Tokens of a model whose every layer asks all four members. */
  async #answers(): Promise<boolean> {
    const body = JSON.stringify({ model: 'demo-native', prompt: 'soak', max_tokens: 2 });
    const headers = { 'content-type': 'application/json' };
    const to = `http://127.0.0.1:${this.#ports.http}/v1/completions`;
    try {
      const answer = await fetch(to, { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) });
      return answer.ok && /"text": ?"[^"]+"/.test(await answer.text());
    } catch {
      return false;
    }
  }

  /** What is there beside the members and their servers, in words. */
  async orphans(): Promise<readonly string[]> {
    const names = new Set(RANKS.map((rank) => this.life(rank).name));
    const alive = await this.#stage.survivors();
    const strays = alive.filter(({ pid }) => ![...names].some((name) => hasVariable(pid, LIFE, name)));
    const servers = alive.filter(({ command }) => /server\.py /.test(command));
    const extra = servers.length === MEMBERS && alive.length === 2 * MEMBERS ? [] : alive;
    return [...new Set([...strays, ...extra])].map(({ pid, command }) => `${pid} ${command}`);
  }

  /** Files that somebody left in the members' temporary directory. */
  litter(): readonly string[] {
    return readdirSync(this.#scratch);
  }

  /** Open files of each muster, to see whether they grow. */
  files(): number[] {
    return RANKS.map((rank) => readdirSync(`/proc/${this.life(rank).muster.pid}/fd`).length);
  }

  async stop(): Promise<void> {
    const lives = RANKS.map((rank) => this.life(rank).muster);
    for (const muster of lives) muster.kill('SIGTERM');
    await Promise.all(lives.map((muster) => muster.ended(PATIENCE_MS)));
  }

  /** What all lives have said of starts and ends; after `stop`. */
  history(): readonly Event[] {
    return this.#lives.flat().flatMap((life) => eventsOf(life, this.#lives[0] ?? []));
  }

  /** For a failure: what each member said last. */
  lately(lines: number): string {
    return RANKS.map(
      (rank) => `--- ${this.life(rank).name}\n${this.life(rank).muster.stderr.split('\n').slice(-lines).join('\n')}`,
    ).join('\n');
  }
}

/** Inherited by all that a life starts. */
const LIFE = 'SOAK_LIFE';

interface Line {
  readonly time: string;
  readonly msg: string;
  readonly rank?: number;
  readonly generation?: number;
}

function eventsOf({ name, rank, muster }: Life, heads: readonly Life[]): Event[] {
  const lines = muster.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
  const events = lines.flatMap(({ time, msg, generation }): Event[] => {
    const at = Date.parse(time);
    if (msg.startsWith('starting ')) {
      const headLife = heads.filter(({ bornAt }) => bornAt <= at).length;
      return [{ at, life: name, on: 'started', rank, headLife, ...(generation === undefined ? {} : { generation }) }];
    }
    return msg.startsWith('the group meets again') ? [{ at, life: name, on: 'ended', rank }] : [];
  });
  const last = events.at(-1)?.at ?? 0;
  return [...events, { at: last + 1, life: name, on: 'over', rank }];
}

/** Looks until it is so. @throws when it takes longer than `PATIENCE_MS`, with `words` */
export async function until(isSo: () => Promise<boolean>, words: () => string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`HANG: ${words()}`);
    await sleep(POLL_MS);
  }
}
