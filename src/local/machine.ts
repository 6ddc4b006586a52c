/** What the machine of Docker has: memory, disk, GPUs. */
import { readdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Machine } from './capacity.ts';
import type { Docker } from './docker.ts';

interface Info {
  readonly MemTotal: number;
  readonly DockerRootDir: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
}

/** @throws MusterError */
export async function machineOf(docker: Docker): Promise<Machine> {
  const info = await docker.ask('say what machine it has', async (api) => (await api.info()) as Info);
  return {
    memoryBytes: info.MemTotal,
    freeDiskBytes: await freeBytes(info.DockerRootDir),
    directory: info.DockerRootDir,
    gpus: info.Runtimes?.nvidia ? nvidiaDevices() : 0,
  };
}

/** Undefined where it cannot be seen: Docker Desktop keeps it in a machine of its own. */
async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

const nvidiaDevices = (): number => {
  try {
    return readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
};
