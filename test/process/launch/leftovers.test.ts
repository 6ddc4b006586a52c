/** Real segments in shared memory, and session directories, before a start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { markSession } from '../../../src/launch/start/ray/sessions.ts';
import { sweepLeftovers } from '../../../src/launch/start/sweep.ts';
import { textLog } from '../../../src/log.ts';
import { heldFiles } from '../../../src/process/held-files.ts';
import { freePorts, PATH, test } from '../support/stage.ts';

const SHM = '/dev/shm';

/** A Python process that has said one line, and stays until it is killed. */
async function python(program: string, ...args: string[]): Promise<{ line: string; kill: () => Promise<void> }> {
  const child = spawn('python3', ['-c', `${program}\nsys.stdin.read()`, ...args], {
    env: { PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const kill = () => killed(child);
  onTestFinished(kill);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
  });
  return { line, kill };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Makes a segment; nobody tidies up behind it, for Python's resource tracker, another process, is not told. */
const MAKE = `
import sys
from multiprocessing import resource_tracker, shared_memory
resource_tracker.register = lambda *_: None
made = shared_memory.SharedMemory(create=True, size=65536)
print(made._name.lstrip("/"), flush=True)`;

const OPEN = `
import sys
held = open(sys.argv[1])
print("open", flush=True)`;

const MAP = `
import mmap, sys
with open(sys.argv[1], "r+b") as opened:
    held = mmap.mmap(opened.fileno(), 0)
print("mapped", flush=True)`;

async function aDeadSegment(): Promise<string> {
  const { line, kill } = await python(MAKE);
  onTestFinished(() => rmSync(join(SHM, line), { force: true }));
  await kill();
  return line;
}

async function aLivingSegment(): Promise<string> {
  const { line } = await python(MAKE);
  onTestFinished(() => rmSync(join(SHM, line), { force: true }));
  return line;
}

const soon = () => Date.now() + 60_000;

/** @returns what it logged */
async function sweep(how: { shm: string; rayTemp?: string; before?: number }): Promise<string> {
  const lines: string[] = [];
  const log = textLog({ level: 'debug', now: () => 0, write: (line) => void lines.push(line) });
  await sweepLeftovers({ rayTemp: undefined, member: 'worker-1', before: soon(), ...how, log });
  return lines.join('');
}

describe('shared memory', () => {
  /** Any other launch on this machine may have swept the dead one first: who did it is not asked here. */
  test('of a killed Python process is swept, of a living one is left', async () => {
    const [dead, alive] = [await aDeadSegment(), await aLivingSegment()];
    await sweep({ shm: SHM });
    expect(readdirSync(SHM)).not.toContain(dead);
    expect(readdirSync(SHM)).toContain(alive);
    expect(await heldFiles((path) => path.startsWith(`${SHM}/`))).toContain(join(SHM, alive));
  });

  test('that is open or mapped is left, and so is what has another name or is younger', async ({ stage }) => {
    const shm = stage.directory();
    const all = ['nccl-closed', 'nccl-open', 'psm_mapped', 'unknown-1'];
    for (const name of all) writeFileSync(join(shm, name), 'x'.repeat(65_536));
    const holders = [await python(OPEN, join(shm, 'nccl-open')), await python(MAP, join(shm, 'psm_mapped'))];
    await sweep({ shm, before: Date.now() - 60_000 });
    expect(readdirSync(shm).sort()).toEqual(all);
    const told = await sweep({ shm });
    expect(told).toContain('swept shared memory that no process holds: 1 file of 0.1 MiB: nccl-closed (0.1 MiB)');
    expect(readdirSync(shm).sort()).toEqual(['nccl-open', 'psm_mapped', 'unknown-1']);
    for (const { kill } of holders) await kill();
    expect(await sweep({ shm })).toContain('2 files of 0.1 MiB');
    expect(readdirSync(shm)).toEqual(['unknown-1']);
  });

  test('is swept by a launch', async ({ stage }) => {
    const dead = await aDeadSegment();
    const [port] = await freePorts(1);
    const place = [
      '--world-size=2',
      '--rank=1',
      '--head-address=127.0.0.1',
      '--rally-timeout=1',
      `--rally-port=${port}`,
    ];
    await stage.run(['run', ...place, '--', 'true']);
    expect(readdirSync(SHM)).not.toContain(dead);
  });
});

describe("Ray's sessions", () => {
  /** The newest, as Ray makes it. */
  function aSession(temp: string, name: string): string {
    const session = join(temp, name);
    mkdirSync(join(session, 'logs'), { recursive: true });
    writeFileSync(join(session, 'logs', 'raylet.err'), 'x');
    rmSync(join(temp, 'session_latest'), { force: true });
    symlinkSync(session, join(temp, 'session_latest'));
    return session;
  }

  test('of this member go, but for the last one, those in use, and those it did not make', async ({ stage }) => {
    const [temp, shm] = [stage.directory(), stage.directory()];
    const [used = ''] = ['1', '2', '3', '4'].map((nth) => {
      const session = aSession(temp, `session_2026-01-0${nth}_1`);
      markSession(temp, nth === '3' ? 'worker-2' : 'worker-1', 0);
      return session;
    });
    aSession(temp, 'session_2026-01-05_1');
    markSession(temp, 'worker-1', soon()); // made before this member's start: another cluster's
    const { kill } = await python(OPEN, join(used, 'logs', 'raylet.err'));
    const left = () =>
      readdirSync(temp)
        .filter((name) => name !== 'session_latest')
        .map((name) => name.slice(16, 18));
    expect(await sweep({ shm, rayTemp: temp })).toContain('swept old logs of Ray: 1 session of');
    expect(left()).toEqual(['01', '03', '04', '05']);
    await kill();
    await sweep({ shm, rayTemp: temp });
    expect(left()).toEqual(['03', '04', '05']);
  });
});
