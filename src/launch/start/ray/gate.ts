/**
 * Is Ray's cluster exactly the group? Pure.
 *
 * Nodes are matched by the name their member gave them (`<member>-<incarnation>`), never by address: several nodes
 * of one host share an address, and a node of a former life may still be listed.
 */
import type { Awaited } from '../../rally/rally.ts';
import type { RayNode } from './gcs.ts';

/** A node that some member announced. */
export interface ExpectedNode {
  /** Its `--node-name`. */
  readonly name: string;
  readonly member: string;
  readonly rank: number;
  /** At least this much of each, e.g. `{ GPU: 1 }`. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface Shortage {
  readonly node: ExpectedNode;
  readonly resource: string;
  readonly have: number;
  readonly want: number;
}

export interface DeadNode {
  readonly node: ExpectedNode;
  /** Ray's words; may be empty. */
  readonly message: string;
}

export type Verdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly missing: readonly ExpectedNode[];
      readonly dead: readonly DeadNode[];
      readonly short: readonly Shortage[];
      /** Alive, and announced by nobody: another cluster's node, or a former life of a member. */
      readonly strangers: readonly RayNode[];
    };

/** @param expected every member's node, the head's included; names are unique */
export function judgeNodes(nodes: readonly RayNode[], expected: readonly ExpectedNode[]): Verdict {
  const alive = new Map<string, RayNode>();
  const strangers: RayNode[] = [];
  const announced = new Set(expected.map(({ name }) => name));
  for (const node of nodes.filter((each) => each.alive)) {
    if (announced.has(node.name) && !alive.has(node.name)) alive.set(node.name, node);
    else strangers.push(node);
  }
  const absent = expected.filter(({ name }) => !alive.has(name));
  const corpses = new Map(nodes.filter((node) => !node.alive).map((node) => [node.name, node]));
  const dead = absent
    .filter(({ name }) => corpses.has(name))
    .map((node) => ({ node, message: corpses.get(node.name)?.death?.message ?? '' }));
  const missing = absent.filter(({ name }) => !corpses.has(name));
  const short = expected.flatMap((node) => shortages(node, alive.get(node.name)));
  const ok = absent.length + short.length + strangers.length === 0;
  return ok ? { ok } : { ok, missing, dead, short, strangers };
}

const shortages = (node: ExpectedNode, found: RayNode | undefined): Shortage[] =>
  found === undefined
    ? []
    : Object.entries(node.resources)
        .map(([resource, want]) => ({ node, resource, have: found.resources[resource] ?? 0, want }))
        .filter(({ have, want }) => have < want);

/** One line that names who, e.g. `no Ray node of worker-1 (rank 1) yet; worker-2 (rank 2) has GPU 1 of 2`. */
export function explainVerdict(verdict: Verdict): string {
  if (verdict.ok) return 'every member has its Ray node';
  const { missing, dead, short, strangers } = verdict;
  return [
    ...(missing.length > 0 ? [`no Ray node of ${missing.map(who).join(', ')} yet`] : []),
    ...dead.map(({ node, message }) => `the Ray node of ${who(node)} is dead: ${message || 'Ray gave no reason'}`),
    ...short.map(({ node, resource, have, want }) => `${who(node)} has ${resource} ${have} of ${want}`),
    ...strangers.map((node) => `node "${node.name}" at ${node.address} was announced by nobody`),
  ].join('; ');
}

/** The same, member by member. @param since when the wait began, ms on the monotonic clock */
export function awaitedNodes(verdict: Verdict, since: number): Awaited[] {
  if (verdict.ok) return [];
  const of = ({ member, rank }: ExpectedNode, detail: string): Awaited => ({
    member,
    rank,
    layer: 'engine',
    since,
    detail,
  });
  return [
    ...verdict.missing.slice(0, MAX_AWAITED).map((node) => of(node, 'GCS does not list its Ray node yet')),
    ...verdict.short
      .slice(0, MAX_AWAITED)
      .map(({ node, resource, have, want }) => of(node, `its Ray node has ${resource} ${have} of ${want}`)),
  ];
}

const MAX_AWAITED = 64;

const who = ({ member, rank }: ExpectedNode): string => `${member} (rank ${rank})`;
