/** What the tests of the doctor share: its answer as values, and what this machine lets them do. */
import { spawnSync } from 'node:child_process';
import type { Finding } from '../../../src/doctor/finding.ts';
import type { Guest, Try } from '../../../src/doctor/group/words.ts';
import type { Ended } from './stage.ts';

export interface Answer {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly group?: { readonly rank: number; readonly members: readonly Guest[]; readonly tries: readonly Try[] };
}

/** Of --json. */
export function examined({ stdout, stderr }: Ended): Answer {
  try {
    return JSON.parse(stdout.toString()) as Answer;
  } catch {
    throw new Error(`no JSON on stdout: ${stdout}\n${stderr}`);
  }
}

const works = (...[program = '', ...args]: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** Why not; undefined: mounts of its own can be had. */
export const CANNOT_MOUNT = works('unshare', '--mount', 'true')
  ? undefined
  : 'unshare --mount needs root and util-linux';

/** Why not; undefined: a network of its own, and packets dropped in it, can be had. */
export const CANNOT_DROP =
  works('unshare', '--net', 'iptables', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '9', '-j', 'DROP') &&
  works('ip', 'netns', 'list')
    ? undefined
    : 'network namespaces need root, iproute2 and iptables';
