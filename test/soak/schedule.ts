/** Which fault hits whom, and when: the same schedule for the same seed. Pure. */

export const KINDS = [
  /** SIGKILL to a worker; with it all that it ran, as when a container loses its first process. */
  'kill-worker',
  'kill-head',
  /** SIGSTOP for longer than the lease, then SIGCONT. */
  'freeze-worker',
  'freeze-head',
  /** SIGSTOP for a third of the lease: nothing may happen. */
  'blink',
  /** SIGTERM; its scheduler starts it again. */
  'term-worker',
  'term-head',
  /** SIGKILL, or SIGSTOP, to a member's model server. */
  'kill-server',
  'freeze-server',
  /** The line between a worker and the head: reset, or no longer carrying what the head, or the worker, or both say. */
  'cut',
  'deafen',
  'mute',
  'hole',
  /** Bytes that are no gRPC, and connections that say nothing, at the rally's port: nothing may happen. */
  'garbage',
  /** A second member is killed while the group meets again after the first. */
  'kill-two',
  'kill-worker-then-head',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Fault {
  readonly kind: Kind;
  /** Who is hit: 0 for the head. */
  readonly rank: number;
  /** Who is hit second, where two are; never `rank`. */
  readonly other: number;
  /** Milliseconds after the group was found healthy: a fault in step with the beats proves less. */
  readonly afterMs: number;
}

/** Faults of every kind in turn, in an order of its own each time round. @param members head included, at least 3 */
export function scheduleOf(seed: number, count: number, members: number): readonly Fault[] {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const faults: Fault[] = [];
  let bag: Kind[] = [];
  while (faults.length < count) {
    if (bag.length === 0) bag = [...KINDS];
    const [kind = 'garbage'] = bag.splice(below(bag.length), 1);
    const rank = rankFor(kind, () => 1 + below(members - 1), below(members));
    const others = Array.from({ length: members - 1 }, (_, at) => at + 1).filter((each) => each !== rank);
    const other = kind === 'kill-worker-then-head' ? 0 : (others[below(others.length)] ?? 0);
    faults.push({ kind, rank, other, afterMs: below(1_500) });
  }
  return faults;
}

function rankFor(kind: Kind, aWorker: () => number, anybody: number): number {
  if (kind.endsWith('-head') && kind !== 'kill-worker-then-head') return 0;
  return kind === 'kill-server' || kind === 'freeze-server' ? anybody : aWorker();
}

/** Numbers in [0, 1), the same for the same seed: a 32-bit counter, mixed (the finaliser of MurmurHash3). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
