/**
 * Who schedules us, told from the environment: one row a scheduler, first hit wins. Pure. A row says only what its
 * scheduler knows; explicit options fill or overrule the rest (resolve.ts).
 */
import type { Refusal } from '../../../errors.ts';
import type { Sourced } from '../../args/options.ts';
import type { Env } from '../../args/settings.ts';

export type Role = 'head' | 'worker';

/** What a scheduler's environment says. Absent: it does not say. */
export interface Detected {
  readonly worldSize?: Sourced<number>;
  readonly rank?: Sourced<number>;
  readonly role?: Sourced<Role>;
  readonly headAddress?: Sourced<string>;
  readonly member?: Sourced<string>;
}

/** The machine's own names, for schedulers that put the ordinal there. */
export interface HostNames {
  readonly hostname: string;
  /** From /etc/hosts; in a pod of a headless service `name-3.service.namespace.svc.cluster.local`. */
  readonly fqdn: string | undefined;
}

export interface Detector {
  readonly scheduler: string;
  readonly matches: (env: Env, host: HostNames) => boolean;
  readonly read: (env: Env, host: HostNames, number: ReadNumber) => Detected;
}

/** A whole number from a variable; a wrong one is noted as a refusal and read as unset. */
export type ReadNumber = (variable: string) => Sourced<number> | undefined;

const has =
  (...variables: string[]) =>
  (env: Env) =>
    variables.some((variable) => Boolean(env[variable]));
const text = (env: Env, variable: string): Sourced<string> | undefined =>
  env[variable] ? { value: env[variable], origin: `env ${variable}` } : undefined;

/** Drops the fields nobody set, so that `??` and spreads see them as absent. */
const said = (fields: { [K in keyof Detected]: Detected[K] | undefined }): Detected =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** KServe gives HEAD_SVC to workers only; the Service is headless and named in the pod's own namespace. */
const kserve: Detector = {
  scheduler: 'kserve',
  matches: has('RAY_NODE_COUNT', 'HEAD_SVC'),
  read: (env, _host, number) => {
    const service = env.HEAD_SVC;
    const name = service && (env.POD_NAMESPACE ? `${service}.${env.POD_NAMESPACE}.svc` : service);
    return said({
      worldSize: number('RAY_NODE_COUNT'),
      role: service ? { value: 'worker', origin: 'env HEAD_SVC' } : { value: 'head', origin: 'no HEAD_SVC' },
      headAddress: name ? { value: name, origin: 'env HEAD_SVC' } : undefined,
    });
  },
};

const leaderWorkerSet: Detector = {
  scheduler: 'leaderworkerset',
  matches: has('LWS_LEADER_ADDRESS'),
  read: (env, _host, number) =>
    said({
      worldSize: number('LWS_GROUP_SIZE'),
      rank: number('LWS_WORKER_INDEX'),
      headAddress: text(env, 'LWS_LEADER_ADDRESS'),
    }),
};

/** AIBrix; its pods know index and size, the head's name is left to MUSTER_HEAD_ADDRESS. */
const stormService: Detector = {
  scheduler: 'stormservice',
  matches: (env) => Boolean(env.POD_GROUP_INDEX && env.POD_GROUP_SIZE),
  read: (_env, _host, number) => said({ worldSize: number('POD_GROUP_SIZE'), rank: number('POD_GROUP_INDEX') }),
};

/** The Job does not tell its pods how many they are; the head is pod 0 of the same name. */
const indexedJob: Detector = {
  scheduler: 'indexed-job',
  matches: has('JOB_COMPLETION_INDEX'),
  read: (_env, host, number) => said({ rank: number('JOB_COMPLETION_INDEX'), headAddress: ordinalZero(host) }),
};

const slurm: Detector = {
  scheduler: 'slurm',
  matches: (env) => Boolean(env.SLURM_PROCID && (env.SLURM_NTASKS || env.SLURM_NPROCS || env.SLURM_STEP_NUM_TASKS)),
  read: (env, host, number) => {
    const nodes = env.SLURM_STEP_NODELIST || env.SLURM_JOB_NODELIST || env.SLURM_NODELIST;
    const first = nodes ? firstHost(nodes) : undefined;
    const rank = number('SLURM_PROCID');
    return said({
      worldSize: number('SLURM_STEP_NUM_TASKS') ?? number('SLURM_NTASKS') ?? number('SLURM_NPROCS'),
      rank,
      headAddress:
        text(env, 'MASTER_ADDR') ?? (first ? { value: first, origin: 'first of the Slurm node list' } : undefined),
      member: rank && { value: `${host.hostname}-${rank.value}`, origin: 'host name and SLURM_PROCID' },
    });
  },
};

const mpi: Detector = {
  scheduler: 'mpi',
  matches: has('OMPI_COMM_WORLD_RANK', 'PMIX_RANK', 'PMI_RANK'),
  read: (env, host, number) => {
    const rank = number('OMPI_COMM_WORLD_RANK') ?? number('PMIX_RANK') ?? number('PMI_RANK');
    return said({
      worldSize: number('OMPI_COMM_WORLD_SIZE') ?? number('PMI_SIZE'),
      rank,
      headAddress: text(env, 'MASTER_ADDR'),
      member: rank && {
        value: `${host.hostname}-${rank.value}`,
        origin: `host name and ${rank.origin.replace('env ', '')}`,
      },
    });
  },
};

const skyPilot: Detector = {
  scheduler: 'skypilot',
  matches: has('SKYPILOT_NODE_RANK'),
  read: (env, _host, number) => {
    const first = env.SKYPILOT_NODE_IPS?.split('\n')
      .map((line) => line.trim())
      .find(Boolean);
    return said({
      worldSize: number('SKYPILOT_NUM_NODES'),
      rank: number('SKYPILOT_NODE_RANK'),
      headAddress: first ? { value: first, origin: 'first of SKYPILOT_NODE_IPS' } : undefined,
    });
  },
};

/** A StatefulSet pod is called NAME-ORDINAL. So is many a host: it counts only in Kubernetes, with a given world size. */
const statefulSet: Detector = {
  scheduler: 'statefulset',
  matches: (env, host) => Boolean(env.KUBERNETES_SERVICE_HOST && env.MUSTER_WORLD_SIZE && /-\d+$/.test(host.hostname)),
  read: (_env, host) => {
    const ordinal = /-(\d+)$/.exec(host.hostname)?.[1];
    return said({
      rank: ordinal ? { value: Number(ordinal), origin: `ordinal of ${host.hostname}` } : undefined,
      headAddress: ordinalZero(host),
    });
  },
};

export const DETECTORS: readonly Detector[] = [
  kserve,
  leaderWorkerSet,
  stormService,
  indexedJob,
  slurm,
  mpi,
  skyPilot,
  statefulSet,
];

/** `vllm-3.vllm.ns.svc` → `vllm-0.vllm.ns.svc`; undefined without a fully qualified name: a bare pod name resolves nowhere. */
function ordinalZero({ hostname, fqdn }: HostNames): Sourced<string> | undefined {
  const stem = /^(.*)-\d+$/.exec(hostname)?.[1];
  if (!stem || !fqdn?.startsWith(`${hostname}.`)) return undefined;
  return { value: `${stem}-0${fqdn.slice(hostname.length)}`, origin: `ordinal 0 of ${fqdn}` };
}

/** First host of a Slurm list: `gpu[03-05,09],cpu1` → `gpu03`; `r[1-2]n[3-4]` → `r1n3`. */
export function firstHost(list: string): string | undefined {
  const [first] = list
    .trim()
    .replace(/\[([^\],-]*)[^\]]*\]/g, '$1')
    .split(',');
  return first || undefined;
}

/** First scheduler that recognises itself, with what it says; `none` when nobody does. */
export function detect(
  env: Env,
  host: HostNames,
): { scheduler: string; detected: Detected; refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const number: ReadNumber = (variable) => {
    const raw = env[variable];
    if (!raw) return undefined;
    if (/^\d{1,6}$/.test(raw)) return { value: Number(raw), origin: `env ${variable}` };
    refusals.push({
      code: 'TOPOLOGY_INVALID',
      message: `${variable} is "${raw}", not a whole number of members or a rank`,
      hint: 'It is set by the scheduler; correct it there, or give --world-size and --rank.',
    });
    return undefined;
  };
  const found = DETECTORS.find((each) => each.matches(env, host));
  return found
    ? { scheduler: found.scheduler, detected: found.read(env, host, number), refusals }
    : { scheduler: 'none', detected: {}, refusals };
}
