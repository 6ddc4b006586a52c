/** A real Redis for one test, gone with it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePorts } from '../../scripts/group.ts';

/** Why there is none. */
export const noRedis = spawnSync('redis-server', ['--version']).error ? 'redis-server is not installed' : undefined;

export interface Redis {
  readonly port: number;
  readonly url: string;
  /** As when its machine dies. */
  kill(): Promise<void>;
  /** Again at the same port, from the same directory. */
  start(): Promise<void>;
}

/** One with a password, that writes each command to its disk before it answers. */
export async function startRedis(): Promise<Redis> {
  const [port = 0] = await freePorts(1);
  const dir = mkdtempSync(join(tmpdir(), 'redis-'));
  let child: ChildProcess | undefined;
  const kill = async () => {
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await gone;
  };
  const start = async () => {
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir];
    const how = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--requirepass', 'secret'];
    child = spawn('redis-server', [...where, ...how], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child?.stdout?.on('data', (text) => {
        said += text;
        if (said.includes('Ready to accept connections')) resolve();
      });
      child?.once('exit', () => reject(new Error(said)));
    });
  };
  onTestFinished(async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  });
  await start();
  return { port, url: `redis://:secret@127.0.0.1:${port}`, kill, start };
}
