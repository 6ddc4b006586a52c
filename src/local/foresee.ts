/**
 * The plans that the members will make, made here first: what `muster launch` would refuse in the containers is refused
 * before there are any, and the plan says at which port the server will answer. Pure.
 */
import type { Refusal } from '../errors.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../launch/args/settings.ts';
import type { Runtime } from '../launch/catalogue/schema.ts';
import { buildPlan, type Planned } from '../launch/plan/build-plan.ts';
import type { ModelDirectory } from '../launch/plan/facts.ts';
import { type Group, INSIDE, type Member, membersOf } from './group.ts';

export interface Foresight {
  readonly group: Group;
  readonly runtime: Runtime;
  /** Of the image itself; what the group sets wins. */
  readonly imageEnv: Env;
  /** Undefined: none is mounted, or this is not the machine that has it. */
  readonly model: ModelDirectory | undefined;
  /** Port on this machine that was asked for; undefined: the same as in the container. */
  readonly port: number | undefined;
}

/** The group with what its plan decides. */
export function foresee(input: Foresight): { readonly group: Group } | { readonly refusals: readonly Refusal[] } {
  const { group } = input;
  const [head, ...workers] = membersOf(group);
  const last = workers.at(-1);
  if (!head) throw new Error('a group has a head');
  const plan = planOf(input, head);
  if ('refusals' in plan) return plan;
  const other = last && planOf(input, last); // all workers are alike
  if (other && 'refusals' in other) return other;
  const silent = silentMembers(plan.plan.takeover.value, plan.probePort);
  if (silent) return { refusals: [silent] };
  const inside = plan.plan.ports.http?.value;
  return {
    group: {
      ...group,
      server: inside === undefined ? undefined : { inside, here: input.port ?? inside },
      probePort: plan.probePort,
      // The server's own grace, and time for Ray and the members after it.
      stopSeconds: Math.ceil(plan.plan.timing.graceMs.value / 1000) + 5,
    },
  };
}

/** Members are followed by their probe ports, which only a muster that stays has. */
function silentMembers(takeover: string, probePort: number): Refusal | undefined {
  if (takeover === 'supervise' && probePort > 0) return undefined;
  return {
    code: 'CONFIG_INVALID',
    message: `the members would have no probe port (takeover ${takeover}, MUSTER_PROBE_PORT ${probePort}), so nobody could follow them`,
    hint: 'Leave MUSTER_TAKEOVER at supervise and MUSTER_PROBE_PORT above 0.',
  };
}

function planOf(
  { group, runtime, imageEnv, model }: Foresight,
  member: Member,
):
  | (Exclude<Planned, { refusals: unknown }> & { readonly probePort: number })
  | { readonly refusals: readonly Refusal[] } {
  const env = { ...imageEnv, ...member.env };
  const { settings, refusals } = resolveSettings(parseFlags([]).flags, env);
  if (refusals.length > 0) return { refusals };
  const at = member.command.indexOf('--', member.command.indexOf('launch'));
  const serverArgs = at < 0 ? [] : member.command.slice(at + 1);
  const planned = buildPlan({
    command: 'launch',
    settings,
    env,
    runtime,
    runtimeDirectory: `${INSIDE.muster}/runtimes`,
    serverArgs: serverArgs.length > 0 ? serverArgs : undefined,
    facts: {
      host: { hostname: member.name, fqdn: undefined },
      headIsHere: undefined,
      address: { value: '10.0.0.1', interface: 'eth0', origin: 'the network of the group' },
      modelDirectory: settings['model-dir'] && (model ?? { state: 'filled', fingerprint: undefined }),
      devices: group.gpus,
      token: { origin: `file ${INSIDE.token}`, bytes: TOKEN_BYTES },
    },
  });
  return 'refusals' in planned ? planned : { ...planned, probePort: settings['probe-port']?.value ?? 0 };
}

/** Of the text, which is base64. */
const TOKEN_BYTES = 44;
