/**
 * A group on one machine: what is asked for, and what each of its containers gets. Pure, and the one source for what
 * is created through Docker (container.ts) and for what is printed as a compose file (compose.ts).
 */
import type { Like } from './like.ts';
import { environmentOf, headNames, POD_NAMESPACE } from './like.ts';

/** Everything that is decided before Docker is asked for anything. Sizes are bytes. */
export interface Group {
  /** Also the first part of every member's name. */
  readonly name: string;
  /** Random: which `up` makes it. */
  readonly life: string;
  readonly members: number;
  readonly image: string;
  /** Whose environment the members get. */
  readonly like: Like;
  readonly runtime: string;
  /** Undefined: no `--` was typed. */
  readonly serverArgs: readonly string[] | undefined;
  /** Mounted read-only at the same path; undefined: none. */
  readonly modelDir: string | undefined;
  /** Directories of runtime files, mounted read-only at the same paths. */
  readonly runtimes: readonly string[];
  /** What the user adds to the environment of every member. */
  readonly env: Readonly<Record<string, string>>;
  /** Of one member; undefined: no limit. */
  readonly memoryBytes: number | undefined;
  /** Of one member, may be a fraction; undefined: no limit. */
  readonly cpus: number | undefined;
  readonly shmBytes: number;
  /** Of one member, no two of them get the same; 0: none. */
  readonly gpus: number;
  /** Where the server of the head answers in its container, and on 127.0.0.1 here. Undefined: it has no port. */
  readonly server: { readonly inside: number; readonly here: number } | undefined;
  /** Port of /status in every container; on 127.0.0.1 Docker picks one. */
  readonly probePort: number;
  /** Seconds between SIGTERM and SIGKILL of a container. */
  readonly stopSeconds: number;
}

/** A published port; `here` 0: any free one. */
export interface Published {
  readonly inside: number;
  readonly here: number;
}

export interface Member {
  readonly name: string;
  /** 0 is the head. Under KServe a worker's rank is given by the head, and may be another number. */
  readonly ordinal: number;
  /** DNS names on the group's network, beside its own. */
  readonly aliases: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
  /** Numbers of its GPUs on the machine. */
  readonly gpus: readonly string[];
  readonly ports: readonly Published[];
}

/** Where muster and the token are in every container. */
export const INSIDE = { muster: '/opt/muster', token: '/run/muster/token' } as const;
/** The first program of every container: it reaps orphans and passes signals on. */
export const ENTRYPOINT = [`${INSIDE.muster}/lib/tini`, '-g', '--', `${INSIDE.muster}/muster`] as const;

export const memberName = (group: string, ordinal: number): string => `${group}-${ordinal}`;

/** @param addresses  IP of each member by ordinal; absent: Docker decides, and members look for themselves */
export function membersOf(group: Group, addresses: readonly string[] = []): readonly Member[] {
  return Array.from({ length: group.members }, (_, ordinal) => memberOf(group, ordinal, addresses[ordinal]));
}

function memberOf(group: Group, ordinal: number, address: string | undefined): Member {
  const { name, server, probePort, gpus, runtimes } = group;
  const isHead = ordinal === 0;
  const argsFor = isHead || group.like === 'lws' ? group.serverArgs : undefined;
  const probe = { inside: probePort, here: 0 };
  return {
    name: memberName(name, ordinal),
    ordinal,
    aliases: isHead ? headNames(group.like, name) : [`${memberName(name, ordinal)}.${name}.${POD_NAMESPACE}`],
    env: {
      ...environmentOf(group, ordinal),
      ...(address === undefined ? {} : { POD_IP: address }),
      MUSTER_TOKEN_FILE: INSIDE.token,
      // A group of one would hand over to its server, and nobody could say how it comes up.
      ...(group.members === 1 ? { MUSTER_TAKEOVER: 'supervise' } : {}),
      ...(probePort === DEFAULT_PROBE_PORT ? {} : { MUSTER_PROBE_PORT: String(probePort) }),
      ...(runtimes.length > 0 ? { MUSTER_RUNTIMES: runtimes.join(':') } : {}),
      ...group.env,
    },
    command: [...ENTRYPOINT, 'launch', group.runtime, ...(argsFor === undefined ? [] : ['--', ...argsFor])],
    gpus: Array.from({ length: gpus }, (_, at) => String(ordinal * gpus + at)),
    ports: isHead && server ? [server, probe] : [probe],
  };
}

export const DEFAULT_PROBE_PORT = 7601;
