/** Everything a check may look at, gathered once; the checks themselves are pure. */
import type { Refusal } from '../errors.ts';
import { type AccountFacts, lookAtAccount } from './facts/account.ts';
import { type CgroupFacts, lookAtCgroup } from './facts/cgroup.ts';
import { askClock, type ClockFacts } from './facts/clock.ts';
import { type DeviceFacts, lookAtDevices } from './facts/devices.ts';
import { type KernelFacts, lookAtKernel } from './facts/kernel.ts';
import { type LimitFacts, lookAtLimits } from './facts/limits.ts';
import { lookAtModelClosely, type ModelFacts } from './facts/model.ts';
import type { NetworkFacts } from './facts/names.ts';
import { lookAtNetwork } from './facts/network.ts';
import { lookAtPorts, type PortFacts } from './facts/ports.ts';
import { lookAtShmClosely, type ShmFacts } from './facts/shared-memory.ts';
import { lookAtSoftware, type SoftwareFacts } from './facts/software.ts';
import type { Needs } from './needs.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Facts {
  readonly needs: Needs;
  readonly env: Env;
  /** Why there is no plan; empty: there is one. */
  readonly refusals: readonly Refusal[];
  /** What the plan itself finds worth a warning. */
  readonly notes: readonly string[];
  readonly devices: DeviceFacts;
  /** Undefined: there is no /dev/shm. */
  readonly shm: ShmFacts | undefined;
  readonly limits: LimitFacts;
  readonly cgroup: CgroupFacts;
  readonly ports: PortFacts;
  readonly network: NetworkFacts;
  /** Undefined: there is nobody to ask. */
  readonly clock: ClockFacts | undefined;
  readonly model: ModelFacts | undefined;
  readonly software: SoftwareFacts;
  readonly account: AccountFacts;
  readonly kernel: KernelFacts;
}

export interface Where {
  /** `/`, or a tree of fixtures that holds proc, sys, dev and etc. */
  readonly root: string;
  readonly uid: number;
  readonly pid: number;
  readonly env: Env;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

export type Known = Pick<Facts, 'needs' | 'refusals' | 'notes'>;

/** Bounded: a few seconds where names do not resolve, else some ten milliseconds. Starts no program, sends nothing but questions. */
export async function gatherFacts(where: Where, known: Known): Promise<Facts> {
  const { root, uid, pid, env, now } = where;
  const { needs } = known;
  const path = env.PATH ?? '';
  const [ports, network, clock] = await Promise.all([
    lookAtPorts(needs),
    lookAtNetwork(root, needs.headAddress, now),
    headClock(needs),
  ]);
  return {
    ...known,
    env,
    devices: lookAtDevices(root),
    shm: lookAtShmClosely(root, uid),
    limits: lookAtLimits(root),
    cgroup: lookAtCgroup(root),
    ports,
    network,
    clock,
    model: needs.modelDir === undefined ? undefined : lookAtModelClosely(needs.modelDir, root),
    software: lookAtSoftware(path, needs.program),
    account: lookAtAccount(root, uid, env),
    kernel: lookAtKernel({ root, pid, path }),
  };
}

/** Members have the same probe port, as far as anybody can know here. */
async function headClock({ role, headAddress, ports }: Needs): Promise<ClockFacts | undefined> {
  const probe = ports.find(({ use }) => use === 'probe');
  return role === 'worker' && headAddress !== undefined && probe ? askClock(headAddress, probe.port) : undefined;
}
