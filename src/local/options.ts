/** Every option of `muster local`, once, by the commands that take it. Parser and help are made from this table. */
import type { Option } from '../launch/args/options.ts';
import { LIKE } from './like.ts';

const name = {
  kind: 'text',
  env: 'MUSTER_LOCAL_NAME',
  otherwise: 'the only group there is',
  describe: 'Name of the group',
} as const;

const json = { kind: 'switch', env: 'MUSTER_JSON', describe: 'JSON for programs' } as const;

/** What makes a group; `up` and `render` read it alike. */
const group = {
  members: {
    kind: 'integer',
    min: 1,
    max: 64,
    env: 'MUSTER_LOCAL_MEMBERS',
    default: 2,
    describe: 'Members of the group, head included: one container each',
  },
  image: {
    kind: 'text',
    env: 'MUSTER_LOCAL_IMAGE',
    describe: 'Image of the server, as it is: any Linux image of glibc 2.28 or later; muster is mounted into it',
  },
  name: {
    ...name,
    otherwise: "the runtime's name",
    describe: 'Name of the group: its members are NAME-0 (the head), NAME-1, …',
  },
  like: {
    kind: 'choice',
    choices: LIKE,
    env: 'MUSTER_LOCAL_LIKE',
    default: 'kserve',
    describe: 'Whose environment the members get: KServe (server args reach the head only) or LeaderWorkerSet (all)',
  },
  port: {
    kind: 'integer',
    min: 1,
    max: 65_535,
    env: 'MUSTER_LOCAL_PORT',
    otherwise: 'the same as in the container',
    describe: 'Port on 127.0.0.1 that leads to the server of the head',
  },
  'model-dir': {
    kind: 'text',
    env: 'MUSTER_LOCAL_MODEL_DIR',
    alsoEnv: ['MODEL_DIR'],
    describe: 'Directory of the model, mounted read-only at the same path',
  },
  env: {
    kind: 'list',
    env: 'MUSTER_LOCAL_ENV',
    describe: 'NAME=VALUE for the environment of every member, or NAME alone to pass on yours; repeatable',
  },
  memory: {
    kind: 'text',
    env: 'MUSTER_LOCAL_MEMORY',
    otherwise: 'no limit',
    describe: 'Memory of one member, e.g. 8g',
  },
  cpus: {
    kind: 'text',
    env: 'MUSTER_LOCAL_CPUS',
    otherwise: 'no limit',
    describe: 'CPUs of one member, e.g. 1.5',
  },
  shm: {
    kind: 'text',
    env: 'MUSTER_LOCAL_SHM',
    default: '3g',
    describe: 'Size of /dev/shm of one member; used when filled, not before',
  },
  gpus: {
    kind: 'integer',
    min: 0,
    max: 64,
    env: 'MUSTER_LOCAL_GPUS',
    otherwise: 'an equal share of the machine where Docker has the nvidia runtime, else 0',
    describe: 'GPUs of one member; no two members get the same',
  },
  runtimes: {
    kind: 'text',
    env: 'MUSTER_RUNTIMES',
    describe: 'More directories of runtime files, separated by ":"; mounted read-only at the same paths',
  },
} as const satisfies Record<string, Option>;

const up = {
  ...group,
  detach: {
    kind: 'switch',
    short: 'd',
    env: 'MUSTER_LOCAL_DETACH',
    describe:
      'Return once the group is ready and leave it running; without it the logs follow, and Ctrl-C takes it down',
  },
  pull: {
    kind: 'choice',
    choices: ['missing', 'always', 'never'],
    env: 'MUSTER_LOCAL_PULL',
    default: 'missing',
    describe: 'When to pull the image',
  },
  late: {
    kind: 'list',
    env: 'MUSTER_LOCAL_LATE',
    describe: 'MEMBER=SECONDS: start this member so much later, and with it its DNS name; repeatable',
  },
  ui: {
    kind: 'switch',
    env: 'MUSTER_LOCAL_UI',
    describe: "Open the group's page (the head's probe port) in a browser",
  },
} as const satisfies Record<string, Option>;

export const LOCAL_OPTIONS = {
  up,
  render: group,
  down: {
    name,
    all: { kind: 'switch', env: 'MUSTER_LOCAL_ALL', describe: 'Every group of this Docker' },
    grace: {
      kind: 'seconds',
      min: 0,
      max: 3600,
      env: 'MUSTER_LOCAL_GRACE',
      otherwise: "the server's own and 5 s",
      describe: 'Seconds between SIGTERM and SIGKILL',
    },
  },
  status: { name, json },
  logs: {
    name,
    follow: { kind: 'switch', short: 'f', env: 'MUSTER_LOCAL_FOLLOW', describe: 'Go on until a signal' },
    tail: {
      kind: 'integer',
      min: 0,
      max: 1_000_000,
      env: 'MUSTER_LOCAL_TAIL',
      otherwise: 'all',
      describe: 'Only the last N lines of each member',
    },
  },
  exec: {
    name,
    interactive: {
      kind: 'switch',
      short: 'i',
      env: 'MUSTER_LOCAL_INTERACTIVE',
      describe: 'Pass stdin on; a terminal is passed on anyway',
    },
  },
  kill: {
    name,
    stay: { kind: 'switch', env: 'MUSTER_LOCAL_STAY', describe: 'Leave it dead; `restart` brings it back' },
  },
  freeze: { name },
  thaw: { name },
  partition: { name },
  heal: { name },
  restart: { name },
  curl: {
    name,
    data: {
      kind: 'text',
      short: 'd',
      env: 'MUSTER_LOCAL_DATA',
      describe: 'Body of a POST; JSON, or what --header says',
    },
    header: { kind: 'list', short: 'H', env: 'MUSTER_LOCAL_HEADER', describe: 'NAME: VALUE, repeatable' },
  },
} as const satisfies Record<string, Record<string, Option>>;

export type Verb = keyof typeof LOCAL_OPTIONS;
export const VERBS = Object.keys(LOCAL_OPTIONS) as readonly Verb[];
