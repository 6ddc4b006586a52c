/** What the server's environment has more, and less, than ours. Pure. */
import type { Env } from '../args/settings.ts';
import type { EngineName, Runtime } from '../catalogue/schema.ts';
import type { Facts } from './facts.ts';
import type { EnvChanges } from './plan.ts';
import type { Topology } from './topology/resolve.ts';

export interface EnvInput {
  readonly engine: EngineName;
  readonly env: Env;
  readonly runtime: Runtime;
  readonly facts: Facts;
  readonly place: Topology;
}

/**
 * One address and one interface for everything that would otherwise guess: vLLM asks the route to 8.8.8.8, Gloo falls
 * back to 127.0.0.1, NCCL takes the first interface (facts: vllm#43095, sglang#3226).
 */
export function envChanges({ env, runtime, facts, place }: EnvInput): EnvChanges {
  const several = place.worldSize.value > 1;
  const { value: address, interface: name } = facts.address;
  const network: Record<string, string> = several
    ? {
        VLLM_HOST_IP: address,
        ...(name ? { NCCL_SOCKET_IFNAME: name, GLOO_SOCKET_IFNAME: name, TP_SOCKET_IFNAME: name } : {}),
      }
    : {};
  const wanted = { ...runtime.env, ...network };
  return {
    defaults: Object.fromEntries(Object.entries(wanted).filter(([variable]) => env[variable] === undefined)),
    removed: Object.keys(env)
      .filter((variable) => variable.startsWith('MUSTER_') || variable === 'NODE_OPTIONS')
      .sort(),
  };
}
