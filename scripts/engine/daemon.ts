/**
 * A Docker engine that answers: the one that is there, else Debian's, installed and started by hand, for a container has
 * no systemd that would. What was started is written down, so that it can be ended; one that was there is left alone.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, cache, say, timed } from './run.ts';

const START_MS = 60_000;
const STOP_MS = 30_000;
const LOG = join(cache, 'dockerd.log');
const PID = join(cache, 'dockerd.pid');

/** Debian's packages of programs, where the names differ. */
const PACKAGES: Readonly<Record<string, string>> = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  ip: 'iproute2',
  'tini-static': 'tini',
};
const OF_THE_ENGINE = ['docker', 'dockerd', 'iptables', 'ip'];

/** Why there is no engine and cannot be one; undefined when it answers. */
export async function engine(): Promise<string | undefined> {
  const first = answer();
  if (first.ok) return undefined;
  if (process.platform !== 'linux') return `no Docker engine answers (${first.why})`;
  if (process.getuid?.() !== 0) return `no Docker engine answers, and only root may start one (${first.why})`;
  return installed() ?? (await started());
}

const answer = () => attempt(['docker', 'version', '--format', '{{.Server.Version}}'], { timeoutMs: 20_000 });
const isThere = (program: string): boolean => attempt(['which', program]).ok;

/** Why what is missing cannot be installed. */
export function installed(programs: readonly string[] = OF_THE_ENGINE): string | undefined {
  const missed = programs.filter((program) => !isThere(program));
  const packages = [...new Set(missed.map((program) => PACKAGES[program] ?? program))];
  if (packages.length === 0) return undefined;
  const missing = `${packages.join(', ')} missing`;
  if (process.getuid?.() !== 0) return `${missing}, and only root may install`;
  if (!isThere('apt-get')) return `${missing}, and there is no apt-get to install from`;
  return timed(`installing ${packages.join(', ')}`, () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    attempt(['apt-get', 'update', '-qq'], { env });
    const ran = attempt(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
    return ran.ok ? undefined : `${missing}, and apt-get could not install: ${ran.why}`;
  });
}

async function started(): Promise<string | undefined> {
  mkdirSync(cache, { recursive: true });
  const log = openSync(LOG, 'w');
  say('starting dockerd …');
  const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
  const ended = new Promise<true>((resolve) => {
    child.once('exit', () => resolve(true));
    child.once('error', () => resolve(true));
  });
  child.unref();
  if (child.pid !== undefined) writeFileSync(PID, `${child.pid} ${startOf(child.pid)}`);
  const late = performance.now() + START_MS;
  while (performance.now() < late) {
    if (answer().ok) return undefined;
    if (await Promise.race([ended, sleep(250)])) break;
  }
  await endEngine();
  const words = readFileSync(LOG, 'utf8').trim().split('\n');
  const why = words.findLast((line) => /level=(fatal|error)|failed to/.test(line)) ?? words.at(-1);
  return `dockerd does not start here: ${why || 'it says nothing'}`;
}

/** Ends the dockerd that was started here, and waits; any other is left alone. */
export async function endEngine(): Promise<boolean> {
  const [pid = 0, start = ''] = readIfThere(PID).split(' ');
  rmSync(PID, { force: true });
  if (!Number(pid) || startOf(Number(pid)) !== start) return false;
  process.kill(Number(pid), 'SIGTERM');
  const late = performance.now() + STOP_MS;
  while (startOf(Number(pid)) === start && performance.now() < late) await sleep(100);
  return true;
}

/** Clock ticks from boot to the start of `pid`: with it a number that was given anew is told apart; "" when it is gone. */
function startOf(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? '' : (fields[19] ?? '');
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
