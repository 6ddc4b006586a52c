/** Every check, in the order of a launch. Each is a pure function from what was gathered to findings. */
import { checkAccount } from './checks/account.ts';
import { checkAddress } from './checks/address.ts';
import { checkClock } from './checks/clock.ts';
import { checkDevices } from './checks/devices.ts';
import { checkEnvironment } from './checks/environment.ts';
import { checkHead } from './checks/head.ts';
import { checkHostname } from './checks/hostname.ts';
import { checkKernel } from './checks/kernel.ts';
import { checkLimits } from './checks/limits.ts';
import { checkMemory } from './checks/memory.ts';
import { checkModel } from './checks/model.ts';
import { checkPlan } from './checks/plan.ts';
import { checkPorts } from './checks/ports.ts';
import { checkShm } from './checks/shm.ts';
import { checkSoftware } from './checks/software.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';

export const CHECKS: Readonly<Record<string, (facts: Facts) => readonly Finding[]>> = {
  plan: checkPlan,
  software: checkSoftware,
  model: checkModel,
  devices: checkDevices,
  shm: checkShm,
  memory: checkMemory,
  limits: checkLimits,
  ports: checkPorts,
  head: checkHead,
  address: checkAddress,
  hostname: checkHostname,
  clock: checkClock,
  environment: checkEnvironment,
  account: checkAccount,
  kernel: checkKernel,
};

export const examine = (facts: Facts): Finding[] => Object.values(CHECKS).flatMap((check) => check(facts));
