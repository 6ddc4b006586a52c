/**
 * The last member is in: how long until the server starts, beyond what Ray itself needs to list that member's node?
 *
 * A real group of two on real Ray. An observer of its own asks GCS every 2 ms and notes when the second node is alive; the
 * server is a program that prints the time it started. The difference is muster's share.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openGcs } from '../../src/launch/start/ray/gcs.ts';
import { freePorts, MUSTER, root } from '../group.ts';
import { type Figure, figure, quantile } from './figure.ts';

const ROUNDS = 5;

export async function run(): Promise<Figure[]> {
  const shares: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { joinedAt, listedAt, startedAt } = await oneStart();
    waits.push(listedAt - joinedAt);
    shares.push(startedAt - listedAt);
  }
  return [
    figure(
      {
        bench: 'rally',
        figure: `last member in → server started, muster's share, median of ${ROUNDS}`,
        value: quantile(shares, 0.5),
        unit: 'ms',
        peer: 'Ray, until it lists the node',
        peerValue: quantile(waits, 0.5),
      },
      1,
    ),
  ];
}

interface Start {
  /** All wall clock, ms: the last member's muster started; its Ray node is alive; the server's first instruction. */
  readonly joinedAt: number;
  readonly listedAt: number;
  readonly startedAt: number;
}

async function oneStart(): Promise<Start> {
  const dir = mkdtempSync(join(tmpdir(), 'm-'));
  const [rally = 0, engine = 0] = await freePorts(2);
  // The observer asks GCS too, and has no token: the group makes one for itself unless it is told not to.
  const env = { ...process.env, PATH: `${join(root, '.venv', 'bin')}:${process.env.PATH}`, RAY_AUTH_MODE: 'disabled' };
  // perl's start costs 1 ms, Node's 20: the clock of the server must not be the server's own start.
  const server = ['perl', '-MTime::HiRes=time', '-e', '$| = 1; printf "%.3f\\n", time * 1000; sleep 600'];
  const member = (rank: number) => {
    const where = ['--world-size=2', `--rank=${rank}`, `--member=m${rank}`, '--head-address=127.0.0.1'];
    const ports = [
      `--rally-port=${rally}`,
      `--engine-port=${engine}`,
      `--engine-arg=--temp-dir=${join(dir, String(rank))}`,
      '--probe-port=0',
    ];
    const ray = ['--engine=ray', '--engine-arg=--num-cpus=1', '--engine-arg=--object-store-memory=100000000'];
    const random = ['--engine-arg=--min-worker-port=0', '--engine-arg=--max-worker-port=0'];
    const child = spawn(MUSTER[0], [MUSTER[1], 'run', ...ray, ...random, ...where, ...ports, '--', ...server], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { child, gone: new Promise((resolve) => child.once('exit', resolve)) };
  };
  const head = member(0);
  const started = new Promise<number>((resolve) =>
    head.child.stdout.once('data', (data) => resolve(Number(String(data)))),
  );
  const members = [head];
  try {
    const alive = observe(engine);
    await alive(1);
    const joinedAt = Date.now();
    members.push(member(1));
    const listedAt = await alive(2);
    return { joinedAt, listedAt, startedAt: await started };
  } finally {
    for (const { child } of members) child.kill('SIGTERM');
    await Promise.all(members.map(({ gone }) => gone));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Polls GCS in this process; resolves with the wall clock of the first look that saw so many nodes alive. */
function observe(port: number): (count: number) => Promise<number> {
  return async (count) => {
    const gcs = openGcs({ host: '127.0.0.1', port });
    for (const until = Date.now() + 60_000; Date.now() < until; await sleep(2)) {
      const nodes = await gcs.listNodes({ deadlineMs: 1000 }).catch(() => []);
      if (nodes.filter((node) => node.alive).length < count) continue;
      gcs.close();
      return Date.now();
    }
    throw new Error(`Ray did not list ${count} nodes within 60 s`);
  };
}
