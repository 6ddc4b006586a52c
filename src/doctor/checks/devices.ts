/** Accelerators that were given to this container, beside the share of the shards it must hold. */
import type { Facts } from '../facts.ts';
import { type Finding, sayAs, some } from '../finding.ts';

const say = sayAs('devices');
const subject = 'GPUs';
const ASK = 'Ask for them in the container: resources.limits "nvidia.com/gpu" (Docker: --gpus all).';

export function checkDevices({ devices, needs, env }: Pick<Facts, 'devices' | 'needs' | 'env'>): Finding[] {
  const seen = devices.nvidia || devices.amd;
  const wanted = needs.kind === 'gpu' ? needs.shardsHere : 0;
  const wants = `${wanted}: ${needs.shards} shards over ${needs.worldSize} members`;
  if (needs.kind !== 'gpu')
    return [say.ok({ subject, value: seen, wanted: needs.kind === 'cpu' ? 'none: the runtime computes on CPUs' : '' })];
  return [
    seen >= wanted
      ? say.ok({ subject, value: seen, wanted: wants })
      : say.fail({ subject, value: seen, wanted: wants, next: whyFewer(devices) }),
    ...hidden(devices, env, wanted),
    ...permissions(devices),
  ];
}

function whyFewer({ nvidia, nvidiaOnMachine, driver }: Facts['devices']): string {
  if (nvidia > 0) return `${ASK} Or lower the parallel sizes, or give the group more members.`;
  if (nvidiaOnMachine > 0) return `The machine has ${nvidiaOnMachine}, but none is in this container. ${ASK}`;
  if (driver !== undefined) return `The driver (${driver}) is there, its devices are not. ${ASK}`;
  return `${ASK} The node needs a driver and a device plugin; AMD: /dev/kfd and /dev/dri.`;
}

/** What CUDA and the container runtime leave out, whatever is in /dev. */
function hidden({ nvidia }: Facts['devices'], env: Facts['env'], wanted: number): Finding[] {
  const void_ = env.NVIDIA_VISIBLE_DEVICES;
  const findings: Finding[] = [];
  if (nvidia === 0 && void_ !== undefined && ['', 'void', 'none'].includes(void_)) {
    const next =
      'The container runtime injects no GPU with this value: ask for GPUs by resources.limits, and remove it.';
    findings.push(
      say.fail({ subject: 'NVIDIA_VISIBLE_DEVICES', value: `"${void_}"`, wanted: 'the GPUs of this container', next }),
    );
  }
  for (const name of ['CUDA_VISIBLE_DEVICES', 'HIP_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES']) {
    const value = env[name];
    if (value === undefined) continue;
    const count = value.split(',').filter((each) => each.trim() !== '' && each.trim() !== '-1').length;
    if (count >= wanted) continue;
    const next =
      count === 0 ? `It hides every GPU: unset ${name}.` : `It hides the others: unset ${name}, or name ${wanted}.`;
    findings.push(say.fail({ subject: name, value: `"${value}"`, wanted: `at least ${wanted}`, next }));
  }
  return findings;
}

function permissions({ closed }: Facts['devices']): Finding[] {
  if (closed.length === 0) return [];
  const next =
    'Let this user open them: AMD wants the groups of /dev/kfd and /dev/dri/renderD* in securityContext.supplementalGroups.';
  return [say.fail({ subject: 'device files that may not be opened', value: some(closed), next })];
}
