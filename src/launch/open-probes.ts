/** The resident server of a launch: what probes, `muster status` and Prometheus ask while muster stays. */
import type { Launch } from './launch.ts';
import { isLoopback } from './plan/auth.ts';
import { shardsOf } from './plan/parallel.ts';
import type { Resident } from './watch/resident.ts';

/** None beside a server that will replace us. */
export async function openProbes({
  plan,
  world,
  log,
  life,
  probePort,
  secrets,
  tls,
}: Launch): Promise<Resident | undefined> {
  if (plan.takeover.value === 'exec') return undefined;
  const { residentFor } = await import('./watch/resident.ts');
  return residentFor({
    probePort,
    onLoopback: isLoopback(plan.headAddress?.value),
    inKubernetes: Boolean(world.env.KUBERNETES_SERVICE_HOST),
    keeper: life.keeper,
    groupPlan:
      plan.role.value === 'head' ? { shards: shardsOf(plan.parallel) } : { headAddress: plan.headAddress?.value },
    group: () => life.group(),
    waiting: () => life.waiting(),
    epochMs: world.epochMs,
    version: world.version,
    secrets,
    tlsValidUntil: () => tls?.validUntil,
    now: world.now,
    log,
  });
}
