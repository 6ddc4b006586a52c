/**
 * Is our Ray node still in the cluster? Asks GCS for it by name, once a second, for as long as the generation lasts.
 *
 * A running `ray start --block` does not prove it: it stays up when the raylet got a SIGTERM, when the runtime-env
 * agent died, and on the far side of a partition (watched for 169 s).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError, reasonOf } from '../../../errors.ts';
import type { Gcs, RayNode } from './gcs.ts';

export type NodeLoss =
  /** GCS declared it dead; `message` is Ray's. */
  | { readonly kind: 'dead'; readonly message: string }
  /** GCS answers and knows no such node: it restarted, and without Redis no node rejoins. */
  | { readonly kind: 'forgotten'; readonly message: string }
  /** GCS did not answer so many times in a row. */
  | { readonly kind: 'gcs-silent'; readonly message: string };

export interface WatchNode {
  readonly gcs: Gcs;
  /** The node's `--node-name`. */
  readonly name: string;
  /** Between two looks. @default 1000 */
  readonly periodMs?: number;
  /** Of one look. @default 2000 */
  readonly deadlineMs?: number;
  /** Looks without an answer, in a row, that make a loss. A GCS on a busy head may miss one. @default 5 */
  readonly misses?: number;
  readonly signal: AbortSignal;
}

/** Resolves with the loss, or undefined when aborted. Start it once the gate has seen the node alive. Never rejects. */
export async function watchNode(input: WatchNode): Promise<NodeLoss | undefined> {
  const { gcs, name, periodMs = 1_000, deadlineMs = 2_000, misses = 5, signal } = input;
  let missed = 0;
  while (!signal.aborted) {
    try {
      const loss = lossOf(await gcs.listNodes({ deadlineMs, signal }), name);
      if (loss) return loss;
      missed = 0;
    } catch (error) {
      if (signal.aborted) return undefined;
      missed += 1;
      // Another token: another cluster has the address, and waiting cannot bring ours back.
      if (error instanceof MusterError) return { kind: 'forgotten', message: error.message };
      if (missed >= misses)
        return { kind: 'gcs-silent', message: `no answer ${missed} times in a row, last: ${reasonOf(error)}` };
    }
    await sleep(periodMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** Pure. A name may be listed twice, once dead and once alive: alive wins. */
export function lossOf(nodes: readonly RayNode[], name: string): NodeLoss | undefined {
  const mine = nodes.filter((node) => node.name === name);
  if (mine.some(({ alive }) => alive)) return undefined;
  const corpse = mine.at(-1);
  return corpse
    ? { kind: 'dead', message: corpse.death?.message || 'Ray gave no reason' }
    : { kind: 'forgotten', message: `GCS knows no node named ${name}` };
}
