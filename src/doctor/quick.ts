/**
 * What `launch` itself can afford to look at: a few reads of /proc and one statfs, no name looked up, nothing bound. Where
 * one process serves one shard nothing of it matters, and nothing is read.
 */
import type { Plan } from '../launch/plan/plan.ts';
import { proxies, sockets } from './checks/environment.ts';
import { checkHostname } from './checks/hostname.ts';
import { files, locked } from './checks/limits.ts';
import { checkShm } from './checks/shm.ts';
import { namesAt } from './facts/files.ts';
import { lookAtLimits } from './facts/limits.ts';
import { lookAtNames } from './facts/names.ts';
import { lookAtShm } from './facts/shared-memory.ts';
import type { Env } from './facts.ts';
import type { Finding } from './finding.ts';
import { type Needs, type NeedsInput, needsOfPlan } from './needs.ts';

export interface Quick {
  readonly plan: Plan;
  readonly settings: NeedsInput['settings'];
  readonly env: Env;
  /** `/`, but in tests. */
  readonly root?: string;
}

/** Warnings worth a line each before the launch goes on; none of them stops it. */
export function quickWarnings({ plan, settings, env, root = '/' }: Quick): string[] {
  const needs = needsOfPlan({ plan, settings, program: undefined });
  const limits = lookAtLimits(root);
  const rdma = namesAt(root, '/dev/infiniband').length > 0;
  const findings = [
    ...checkShm({ needs, shm: lookAtShm(root) }),
    ...files(limits),
    ...locked(limits, { rdma }, needs),
    ...(needs.worldSize > 1 ? betweenMembers(needs, env, root) : []),
  ];
  return findings.filter(({ level }) => level === 'warn' || level === 'fail').map(inWords);
}

function betweenMembers(needs: Needs, env: Env, root: string): Finding[] {
  const network = lookAtNames(root);
  return [...checkHostname({ needs, network }), ...proxies({ needs, env }), ...sockets({ needs, env, network })];
}

const inWords = ({ subject, value, unit, wanted, next }: Finding): string =>
  `${subject}: ${value ?? 'not there'}${unit && ` ${unit}`}${wanted && `; wanted: ${wanted}`}. → ${next}`;
