/**
 * The three answers that probes ask for. Pure, and cheap: a kubelet asks each of them every second.
 *
 * Live: this process and, once it runs, its child; waiting and meeting again are no faults. Started: the group was ready
 * once in this generation. Ready: the *whole* group, as the head says; never while it stops or meets again.
 */
import type { Ending } from '../rally/rally.ts';
import type { Board } from './board.ts';

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

const YES: Verdict = { ok: true };
const no = (why: string): Verdict => ({ ok: false, why });

/** A child that ended without the generation's end: nobody has noticed for longer than one probe should see. */
export const live = ({ ending, childAlive, runtime }: Board): Verdict =>
  ending || childAlive !== false ? YES : no(`the server ${runtime} has ended`);

/** @param line what the member waits for, in words */
export const started = (board: Board, line?: string): Verdict => (board.wasReady ? YES : no(waiting(board, line)));

export function ready(board: Board, line?: string): Verdict {
  const { ending, phase, headPhase, childAlive, runtime } = board;
  if (ending) return no(over(board.generation, ending));
  if (phase === 'stopping') return no('this member is stopping');
  if (headPhase === 'stopping') return no('the head is stopping');
  if (childAlive === false) return no(`the server ${runtime} has ended`);
  return headPhase === 'ready' ? YES : no(waiting(board, line));
}

/** Most endings of a group say so themselves: `generation 3 ended: worker-2 (rank 2) stopped beating 3.1 s ago`. */
const over = (generation: number, { message }: Ending): string =>
  message.startsWith('generation ') ? message : `generation ${generation} ended: ${message}`;

/** Why the group is not ready yet, in one line. */
function waiting({ ending, generation, phase, headPhase, role }: Board, line: string | undefined): string {
  if (ending) return over(generation, ending);
  const where = role === 'head' ? `the head is at ${phase}` : `this member is at ${phase}`;
  const head = role === 'head' ? '' : `, the head ${headPhase ? `at ${headPhase}` : 'not heard yet'}`;
  return `${where}${head}${line === undefined ? '' : `; ${line}`}`;
}
