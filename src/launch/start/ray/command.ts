/**
 * The `ray start` of one member: its arguments and its environment. Pure.
 *
 * Every flag and variable is here with the fact behind it (Ray 2.40 to 2.60, measured; docs/ray.md has the table).
 */

import type { Plan } from '../../plan/plan.ts';

interface CommonInput {
  /** `ray`, or where `findRay` found it. */
  readonly ray: string;
  /** Unique in the cluster: `nodeName(member, incarnation)`. */
  readonly nodeName: string;
  /** The address of the plan, IPv6 without brackets. */
  readonly address: string;
  /** Undefined: Ray counts its own. */
  readonly cpus?: number | undefined;
  readonly gpus?: number | undefined;
  /** Custom resources by name. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  readonly objectStoreBytes?: number | undefined;
  /** Absolute. Ray adds some 60 characters for its sockets, and a socket path holds 107. */
  readonly tempDir?: string | undefined;
  /** The user's own `ray start` arguments: last, so that they win. */
  readonly extraArgs?: readonly string[] | undefined;
}

/** GPUs that were seen are Ray's to count; a number that was set is told. A CPU runtime's shards are CPUs. */
export const deviceCounts = ({ kind, perMember }: Plan['devices']): Pick<CommonInput, 'cpus' | 'gpus'> =>
  kind === 'cpu'
    ? { cpus: perMember?.value }
    : { gpus: perMember && !perMember.origin.startsWith('seen') ? perMember.value : undefined };

export interface HeadInput extends CommonInput {
  /** GCS port. Keep it out of 10002-19999, Ray's worker ports: `ray start` refuses those. */
  readonly port: number;
  /** False when the head's server replaces muster (`exec`): Ray then stays behind in the background. @default true */
  readonly block?: boolean | undefined;
}

export interface WorkerInput extends CommonInput {
  /** `host:port` of the head's GCS; IPv6 bracketed. */
  readonly headAddress: string;
  readonly block?: boolean | undefined;
}

export type Argv = readonly [string, ...string[]];

/** The name the gate looks for: a former life of the same member has another one. */
export const nodeName = (member: string, incarnation: string): string => `${member}-${incarnation}`;

export const rayStartHead = (input: HeadInput): Argv => [
  input.ray,
  'start',
  '--head',
  `--port=${input.port}`,
  ...common(input),
  // The dashboard's web server serves nobody here; its process starts all the same and the node dies with it.
  '--include-dashboard=false',
  ...rest(input),
];

export const rayStartWorker = (input: WorkerInput): Argv => [
  input.ray,
  'start',
  `--address=${input.headAddress}`,
  ...common(input),
  ...rest(input),
];

const common = (input: CommonInput): string[] => [
  // Without it Ray picks the interface that routes to 8.8.8.8. A loopback address is replaced by a routable one.
  `--node-ip-address=${input.address}`,
  // Hidden in --help but in every version from 2.40 to 2.60; without it the node is named after its address.
  `--node-name=${input.nodeName}`,
  // Else the head reports to usage-stats.ray.io each hour. A worker accepts the flag and needs none.
  '--disable-usage-stats',
];

const rest = (input: HeadInput | WorkerInput): string[] => [
  ...(input.cpus === undefined ? [] : [`--num-cpus=${input.cpus}`]),
  ...(input.gpus === undefined ? [] : [`--num-gpus=${input.gpus}`]),
  ...(hasAny(input.resources) ? [`--resources=${JSON.stringify(input.resources)}`] : []),
  ...(input.objectStoreBytes === undefined ? [] : [`--object-store-memory=${input.objectStoreBytes}`]),
  ...(input.tempDir === undefined ? [] : [`--temp-dir=${input.tempDir}`]),
  ...(input.extraArgs ?? []),
  // One process to watch and to stop. It proves no node alive (three cases measured): watchNode does.
  ...(input.block === false ? [] : ['--block']),
];

const hasAny = (record: Readonly<Record<string, number>> | undefined): boolean =>
  record !== undefined && Object.keys(record).length > 0;

/**
 * GCS's own death detection: a killed raylet is noticed after 3 s (default 15), a silent one after 9 s (default 65).
 * Refused: threshold x period; silent: threshold x (timeout + period). The head's values count, a worker's do not.
 */
export const HEALTH_CHECK: Readonly<Record<string, string>> = {
  RAY_health_check_initial_delay_ms: '1000',
  RAY_health_check_period_ms: '1000',
  RAY_health_check_timeout_ms: '2000',
  RAY_health_check_failure_threshold: '3',
};

/**
 * What to add to the environment of `ray start`; the caller lays it over the one the user gave.
 *
 * @param user the environment as the user set it: a variable of the health check that is there keeps its value
 */
export function rayEnv(
  role: 'head' | 'worker',
  { token, user }: { token: string | undefined; user: Readonly<Record<string, string | undefined>> },
): Record<string, string> {
  const tuned = Object.entries(HEALTH_CHECK).filter(([name]) => user[name] === undefined);
  return {
    ...(role === 'head' ? Object.fromEntries(tuned) : {}),
    ...tokenEnv(token),
    ...(user[DRAIN] === undefined ? { [DRAIN]: '0' } : {}),
    RAY_USAGE_STATS_ENABLED: '0',
  };
}

/**
 * Ray 2.58's own drain on SIGTERM, 30 s by default. muster has stopped the server before, so there is nothing to drain,
 * and the drain asks a GCS that was told to stop in the same moment: it then sits out its whole time (measured).
 */
const DRAIN = 'RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S';

/** What to add to the environment of the server, so that its `ray.init()` finds this cluster and may enter. */
export const serverEnv = (gcsAddress: string, token: string | undefined): Record<string, string> => ({
  RAY_ADDRESS: gcsAddress,
  ...tokenEnv(token),
  // A server that starts a cluster of its own after all does not report it either.
  RAY_USAGE_STATS_ENABLED: '0',
});

/** Ray listens on all interfaces and runs anybody's code unless it has a token (2.52 and later). */
const tokenEnv = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: token };

/** The first version whose GCS checks tokens. An unknown version is taken to have none. */
export function hasTokenAuth(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '0').split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 52);
}
