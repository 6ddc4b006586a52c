/** Accelerators as files show them; no program is started, so it works where nvidia-smi is absent. */
import { join } from 'node:path';
import { lets, namesAt, textAt } from './files.ts';

export interface DeviceFacts {
  /** /dev/nvidia0…: what this container was given. */
  readonly nvidia: number;
  /** /proc/driver/nvidia/gpus: what the machine has. */
  readonly nvidiaOnMachine: number;
  /** e.g. `550.54.15`; undefined: no driver is loaded. */
  readonly driver: string | undefined;
  /** /dev/dri/renderD… below /dev/kfd. */
  readonly amd: number;
  /** Device files that this user may not open for reading and writing. */
  readonly closed: readonly string[];
  /** /dev/infiniband is there: NCCL will register memory for RDMA. */
  readonly rdma: boolean;
}

export function lookAtDevices(root: string): DeviceFacts {
  const dev = namesAt(root, '/dev');
  const nvidia = dev.filter((name) => /^nvidia\d+$/.test(name)).map((name) => `/dev/${name}`);
  const amd = dev.includes('kfd')
    ? namesAt(root, '/dev/dri')
        .filter((name) => name.startsWith('renderD'))
        .map((name) => `/dev/dri/${name}`)
    : [];
  return {
    nvidia: nvidia.length,
    nvidiaOnMachine: namesAt(root, '/proc/driver/nvidia/gpus').length,
    driver: /Kernel Module .*?(\d+\.\d[\d.]*)/.exec(textAt(root, '/proc/driver/nvidia/version') ?? '')?.[1],
    amd: amd.length,
    closed: [...nvidia, ...(amd.length > 0 ? ['/dev/kfd', ...amd] : [])].filter(
      (file) => !lets(join(root, file), 'read and write'),
    ),
    rdma: namesAt(root, '/dev/infiniband').length > 0,
  };
}
