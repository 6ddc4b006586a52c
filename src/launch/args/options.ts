/**
 * Every option of `launch` and `run`, once: the flag, its env twin, its default and its unit. The parser, the help and
 * the docs are made from this table. Precedence: default < runtime file < env < flag.
 */
import type { Option } from './option.ts';

export type { Option };

const port = { kind: 'integer', min: 1, max: 65_535 } as const;

export const OPTIONS = {
  engine: {
    kind: 'choice',
    choices: ['ray', 'native', 'none'],
    env: 'MUSTER_ENGINE',
    otherwise: "the runtime's",
    describe: "What distributes the work: ray, the server's own multi-node mode (native), or none",
  },
  takeover: {
    kind: 'choice',
    choices: ['supervise', 'exec'],
    env: 'MUSTER_TAKEOVER',
    otherwise: 'supervise; exec for one member without Ray',
    describe: 'supervise: muster stays and watches; exec: the server replaces muster (same PID)',
  },
  'world-size': {
    kind: 'integer',
    min: 1,
    max: 100_000,
    env: 'MUSTER_WORLD_SIZE',
    otherwise: 'from the scheduler, else 1',
    describe: 'Members of the group, head included',
  },
  rank: {
    kind: 'integer',
    min: 0,
    max: 99_999,
    env: 'MUSTER_RANK',
    otherwise: 'from the scheduler, else given by the head',
    describe: 'Rank of this member; 0 is the head',
  },
  role: {
    kind: 'choice',
    choices: ['head', 'worker'],
    env: 'MUSTER_ROLE',
    otherwise: 'from the rank or the scheduler',
    describe: 'head or worker, for members that have no rank of their own (Deployment replicas)',
  },
  'head-address': {
    kind: 'text',
    env: 'MUSTER_HEAD_ADDRESS',
    otherwise: 'from the scheduler',
    describe: 'DNS name or IP of the head; re-resolved at every try',
  },
  member: {
    kind: 'text',
    env: 'MUSTER_MEMBER',
    alsoEnv: ['POD_NAME'],
    otherwise: 'POD_NAME, else the host name',
    describe: 'Name of this member, unique in the group and kept across restarts',
  },
  address: {
    kind: 'text',
    env: 'MUSTER_ADDRESS',
    alsoEnv: ['POD_IP'],
    otherwise: 'POD_IP, else the interface that routes to the head',
    describe: 'IP by which the other members reach this one',
  },
  'rally-port': { ...port, env: 'MUSTER_RALLY_PORT', default: 7600, describe: 'Port of the rally on the head' },
  'engine-port': {
    ...port,
    env: 'MUSTER_ENGINE_PORT',
    otherwise: 'RAY_PORT or MASTER_PORT, else 6379 (ray), 29500 (native)',
    describe: "Port of the engine on the head: Ray's GCS, or the native master port",
  },
  'server-port': {
    ...port,
    env: 'MUSTER_SERVER_PORT',
    otherwise: "the server args, else the runtime's",
    describe: 'Port on which the server answers clients; muster asks its health there',
  },
  'probe-port': {
    kind: 'integer',
    min: 0,
    max: 65_535,
    env: 'MUSTER_PROBE_PORT',
    default: 7601,
    describe: 'Port of /livez, /startupz, /readyz, /status, /metrics and grpc.health.v1 on every member; 0: none',
  },
  'devices-per-member': {
    kind: 'integer',
    min: 0,
    max: 1024,
    env: 'MUSTER_DEVICES_PER_MEMBER',
    alsoEnv: ['REQUEST_GPU_COUNT', 'SKYPILOT_NUM_GPUS_PER_NODE', 'SLURM_GPUS_ON_NODE'],
    otherwise: 'counted in /dev',
    describe: 'Accelerators of this member; 0: none',
  },
  'model-dir': {
    kind: 'text',
    env: 'MUSTER_MODEL_DIR',
    alsoEnv: ['MODEL_DIR'],
    describe: 'Directory of the model; wins over --model-id',
  },
  'model-root': { kind: 'text', env: 'MUSTER_MODEL_ROOT', describe: 'Directory --model-dir must not lead out of' },
  'model-id': { kind: 'text', env: 'MUSTER_MODEL_ID', alsoEnv: ['MODEL_ID'], describe: 'Hub id of the model' },
  'model-name': {
    kind: 'text',
    env: 'MUSTER_MODEL_NAME',
    alsoEnv: ['MODEL_NAME', 'ISVC_NAME', 'INFERENCE_SERVICE_NAME'],
    otherwise: "MODEL_NAME, else the model's own name",
    describe: 'Name by which clients ask for the model',
  },
  'engine-arg': {
    kind: 'list',
    env: 'MUSTER_ENGINE_ARGS',
    describe: 'One more argument for `ray start`, repeatable; the env twin is a JSON array',
  },
  'token-file': {
    kind: 'text',
    env: 'MUSTER_TOKEN_FILE',
    describe: 'File that holds the shared token of the group (MUSTER_TOKEN: the token itself; never a flag)',
  },
  'tls-dir': {
    kind: 'text',
    env: 'MUSTER_TLS_DIR',
    describe: 'Mutual TLS for the rally: directory that holds tls.crt, tls.key and ca.crt, such as a mounted Secret',
  },
  'tls-cert': {
    kind: 'text',
    env: 'MUSTER_TLS_CERT',
    otherwise: 'tls.crt of --tls-dir',
    describe: "File with this member's certificate and the intermediate ones, PEM",
  },
  'tls-key': {
    kind: 'text',
    env: 'MUSTER_TLS_KEY',
    otherwise: 'tls.key of --tls-dir',
    describe: 'File with its private key, PEM without a passphrase',
  },
  'tls-ca': {
    kind: 'text',
    env: 'MUSTER_TLS_CA',
    otherwise: 'ca.crt of --tls-dir',
    describe: 'File with the CA certificates that sign the other members, PEM',
  },
  'tls-name': {
    kind: 'text',
    env: 'MUSTER_TLS_NAME',
    otherwise: 'the head address',
    describe: "Name that the head's certificate must carry (DNS name or IP address)",
  },
  insecure: {
    kind: 'switch',
    env: 'MUSTER_INSECURE',
    describe: 'Let a group with neither token nor TLS meet over a network that is not loopback',
  },
  'rally-timeout': {
    kind: 'seconds',
    min: 1,
    max: 86_400,
    env: 'MUSTER_RALLY_TIMEOUT',
    default: 600,
    describe: 'Seconds until every member must have met at the head, and the engine must list them',
  },
  'ready-timeout': {
    kind: 'seconds',
    min: 1,
    max: 86_400,
    env: 'MUSTER_READY_TIMEOUT',
    otherwise: "the runtime's",
    describe: 'Seconds from the start of the server until it must have answered its smoke request (supervise)',
  },
  'hang-timeout': {
    kind: 'seconds',
    min: 0,
    max: 86_400,
    env: 'MUSTER_HANG_TIMEOUT',
    default: 120,
    describe:
      'Seconds without an answer of its health check after which a server that was ready counts as hung; 0: never',
  },
  grace: {
    kind: 'seconds',
    min: 0,
    max: 3600,
    env: 'MUSTER_GRACE',
    otherwise: "the runtime's",
    describe: 'Seconds between SIGTERM and SIGKILL of the server; keep it under terminationGracePeriodSeconds',
  },
  lease: {
    kind: 'seconds',
    min: 0.5,
    max: 600,
    env: 'MUSTER_LEASE',
    default: 3,
    describe: 'Seconds of silence after which a member counts as lost; the head tells the members',
  },
  restarts: {
    kind: 'integer',
    min: 0,
    max: 1000,
    env: 'MUSTER_RESTARTS',
    otherwise: '3 for a group under launch; 0 for run, for one member, and where the scheduler recreates the group',
    describe: 'How often within --restart-window the group may meet again after a member or the server is lost',
  },
  'restart-window': {
    kind: 'seconds',
    min: 1,
    max: 86_400,
    env: 'MUSTER_RESTART_WINDOW',
    default: 600,
    describe: 'Seconds in which restarts are counted',
  },
  progress: {
    kind: 'seconds',
    min: 0.1,
    max: 3600,
    env: 'MUSTER_PROGRESS',
    default: 5,
    describe: 'Seconds between two lines that say who is awaited',
  },
  'no-smoke': {
    kind: 'switch',
    env: 'MUSTER_NO_SMOKE',
    describe: 'Believe the health check alone: send no request before ready',
  },
  runtimes: {
    kind: 'text',
    env: 'MUSTER_RUNTIMES',
    describe: 'More directories of runtime files, separated by ":"; they win over the shipped ones',
  },
  'termination-log': {
    kind: 'text',
    env: 'MUSTER_TERMINATION_LOG',
    otherwise: '/dev/termination-log, where it is there',
    describe: 'File that gets one line of JSON when muster ends: who ended, why, at which phase',
  },
  'log-format': {
    kind: 'choice',
    choices: ['text', 'json'],
    env: 'MUSTER_LOG_FORMAT',
    default: 'text',
    describe: 'Lines for people, or JSON for collectors',
  },
  'log-level': {
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    env: 'MUSTER_LOG_LEVEL',
    default: 'info',
    describe: 'Least severe line that is written',
  },
  explain: {
    kind: 'switch',
    env: 'MUSTER_EXPLAIN',
    describe: 'Print the plan, each value with its origin, and start nothing',
  },
  'dry-run': { kind: 'switch', env: 'MUSTER_DRY_RUN', describe: 'The same as --explain' },
  json: { kind: 'switch', env: 'MUSTER_JSON', describe: 'With --explain: JSON for programs' },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<O extends Option> = O['kind'] extends 'integer' | 'seconds'
  ? number
  : O['kind'] extends 'switch'
    ? boolean
    : O['kind'] extends 'list'
      ? readonly string[]
      : O extends { choices: readonly (infer C)[] }
        ? C
        : string;

/** A value and where it came from: `default`, `flag --rank`, `env RAY_PORT`, `runtime vllm`, … */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: string;
}

/** What flags, env twins and constants say; a name that nobody set is absent. Seconds stay seconds here. */
export type Settings = SettingsOf<typeof OPTIONS>;

/** The same for the options of another command. */
export type SettingsOf<T extends Readonly<Record<string, Option>>> = {
  readonly [N in keyof T]?: Sourced<ValueOf<T[N]>>;
};
