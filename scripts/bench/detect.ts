/**
 * A member is killed or frozen: how long until every other member says so?
 *
 * A real group of four muster processes around a program that sleeps; beside it, in the same run, what Ray alone takes to
 * see the same happen to a raylet, with its own settings (`--slow`: frozen too, more than a minute).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, MUSTER } from '../group.ts';
import { rayAlone } from './detect-ray.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { markedEnv, sweepMarked } from './marked.ts';

const SIZE = 4;

/** Ray 2.58 with its own settings, measured once (facts/ray.md); `--slow` measures the second anew. */
const RAY_FROZEN_MS = 65_000;

export async function run({ slow = process.argv.includes('--slow') } = {}): Promise<Figure[]> {
  const killed = await rounds(5, { victim: 2, signal: 'SIGKILL' });
  const headKilled = await rounds(5, { victim: 0, signal: 'SIGKILL' });
  const frozen = await rounds(3, { victim: 2, signal: 'SIGSTOP' });
  const headFrozen = await rounds(3, { victim: 0, signal: 'SIGSTOP' });
  const rayKilled = { peer: 'Ray, a raylet killed', peerValue: await rayAlone('SIGKILL') };
  const rayFrozen = slow
    ? { peer: 'Ray, a raylet frozen', peerValue: await rayAlone('SIGSTOP') }
    : { peer: 'Ray, a raylet frozen, as measured before (--slow)', peerValue: RAY_FROZEN_MS };
  const row = (what: string, times: readonly number[], beside: typeof rayKilled) =>
    figure(
      {
        bench: 'detect',
        figure: `${what}: all others say so, worst of ${times.length}`,
        value: Math.max(...times),
        unit: 'ms',
        ...beside,
      },
      0,
    );
  const median = quantile(killed, 0.5);
  return [
    row(`worker killed (median ${Math.round(median)} ms)`, killed, rayKilled),
    row('head killed', headKilled, rayKilled),
    row('worker frozen, lease 3 s', frozen, rayFrozen),
    row('head frozen, lease 3 s', headFrozen, rayFrozen),
  ];
}

interface Fault {
  readonly victim: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

async function rounds(count: number, fault: Fault): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < count; round += 1) times.push(await once(fault));
  return times;
}

async function once({ victim, signal }: Fault): Promise<number> {
  const [rally = 0, engine = 0] = await freePorts(2);
  const members = Array.from({ length: SIZE }, (_, rank) => member(rank, { rally, engine }));
  try {
    await within(20_000, Promise.all(members.map(({ ready }) => ready)), 'the group did not get ready');
    // Not in step with the beats: wherever in a lease the fault comes.
    await sleep(1000 + 1000 * Math.random());
    const others = members.filter((_, rank) => rank !== victim);
    const at = performance.now();
    members[victim]?.child.kill(signal);
    await within(20_000, Promise.all(others.map(({ lost }) => lost)), 'not every member said that one was lost');
    return performance.now() - at;
  } finally {
    sweepMarked();
    await Promise.all(members.map(({ gone }) => gone));
  }
}

interface Member {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  /** It says that the generation is over. */
  readonly lost: Promise<unknown>;
  readonly gone: Promise<unknown>;
}

function member(rank: number, { rally, engine }: { rally: number; engine: number }): Member {
  const where = [`--world-size=${SIZE}`, `--rank=${rank}`, `--member=m${rank}`, '--head-address=127.0.0.1'];
  const ports = [`--rally-port=${rally}`, `--engine-port=${engine}`, '--probe-port=0'];
  const how = ['--engine=native', '--takeover=supervise', '--log-level=info'];
  const child = spawn(MUSTER[0], [MUSTER[1], 'run', ...how, ...where, ...ports, '--', 'sleep', '600'], {
    env: markedEnv(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = createInterface({ input: child.stderr });
  const says = (what: RegExp) => new Promise((resolve) => lines.on('line', (line) => what.test(line) && resolve(line)));
  return {
    child,
    ready: says(rank === 0 ? / starting run / : /the whole group is ready/),
    lost: says(/generation 1 ended/),
    gone: new Promise((resolve) => child.once('exit', resolve)),
  };
}

async function within<T>(ms: number, promise: Promise<T>, otherwise: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${otherwise} within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
