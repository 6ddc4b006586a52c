/** Whether the machine of Docker can hold the group. Pure. */
import type { Refusal } from '../errors.ts';
import type { Group } from './group.ts';
import { formatBytes } from './sizes.ts';

export interface Machine {
  /** All there is, not what is free: other programs come and go. */
  readonly memoryBytes: number;
  /** Free where Docker keeps its data; undefined: on another machine. */
  readonly freeDiskBytes: number | undefined;
  /** Of its data. */
  readonly directory: string;
  readonly gpus: number;
}

/** muster and a Ray node without a server: 184 to 380 MiB measured with Ray 2.58. */
const LEAST_MEMORY_BYTES = 512 * 1024 ** 2;

/** @param musterBytes  what muster itself takes in the group's volume */
export function checkCapacity(group: Group, machine: Machine, musterBytes: number): readonly Refusal[] {
  const each = group.memoryBytes ?? LEAST_MEMORY_BYTES;
  const refusals: Refusal[] = [];
  if (each * group.members > machine.memoryBytes) {
    const least = group.memoryBytes === undefined ? 'at least ' : '';
    refusals.push({
      code: 'MEMORY_SHORT',
      message: `${group.members} members of ${least}${formatBytes(each)} need ${formatBytes(each * group.members)} of memory, Docker's machine has ${formatBytes(machine.memoryBytes)}`,
      hint: 'Ask for fewer --members, or for less --memory each.',
    });
  }
  if (group.gpus * group.members > machine.gpus) {
    refusals.push({
      code: 'DEVICES_SHORT',
      message: `${group.members} members of ${group.gpus} GPUs need ${group.gpus * group.members}, Docker can give ${machine.gpus}`,
      hint: 'Ask for fewer --gpus or --members; Docker needs the nvidia runtime (`nvidia-ctk runtime configure`).',
    });
  }
  if (machine.freeDiskBytes !== undefined && machine.freeDiskBytes < musterBytes + SPARE_BYTES) {
    refusals.push({
      code: 'DISK_FULL',
      message: `muster itself needs ${formatBytes(musterBytes + SPARE_BYTES)} in ${machine.directory}, where ${formatBytes(machine.freeDiskBytes)} are free`,
      hint: 'Make room, e.g. with `docker system prune`.',
    });
  }
  return refusals;
}

/** For logs and what containers write. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** GPUs of one member when nobody said: an equal share. */
export const shareOfGpus = (members: number, gpus: number): number => Math.floor(gpus / members);
