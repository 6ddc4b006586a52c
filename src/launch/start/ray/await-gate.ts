/** Waits until Ray's cluster is exactly the group; says who is missing while it waits. Edge of `gate.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError, reasonOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import { WireError } from '../../../wire/wire-error.ts';
import type { Waiting } from '../../rally/rally.ts';
import { awaitedNodes, type ExpectedNode, explainVerdict, judgeNodes, type Verdict } from './gate.ts';
import type { Gcs } from './gcs.ts';

export interface AwaitGate {
  readonly gcs: Gcs;
  readonly expected: readonly ExpectedNode[];
  readonly timeoutMs: number;
  /** Between two looks. A look costs GCS 0.3 ms. @default 20 */
  readonly pollMs?: number;
  /** Between two log lines about who is missing. @default 10000 */
  readonly progressMs?: number;
  readonly signal: AbortSignal;
  /** Told at each look who is missing, and undefined when nobody is. */
  readonly waits?: (waiting: Waiting | undefined) => void;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** A GCS that is busy starting nodes may be slow; more than this is worth a new connection. */
const LOOK_MS = 2_000;
/** The last look gets this much even when less is left: what it says must mean something. */
const LAST_LOOK_MS = 100;

/**
 * Resolves with the number of looks as soon as the verdict is ok.
 *
 * @throws MusterError ENGINE_GATE at the timeout, or at once when an announced node is dead; its `cause` is the `Verdict`
 * @throws MusterError TOKEN_WRONG at once · the signal's reason when aborted
 */
export async function awaitGate(input: AwaitGate): Promise<number> {
  const { gcs, expected, timeoutMs, pollMs = 20, progressMs = 10_000, signal, waits, log, now } = input;
  const startedAt = now();
  let nextWordAt = startedAt + progressMs;
  let last: Verdict | undefined;
  let trouble = '';
  for (let looks = 1; ; looks += 1) {
    signal.throwIfAborted();
    const leftMs = startedAt + timeoutMs - now();
    if (leftMs <= 0) throw refusal(last, `not complete after ${timeoutMs / 1000} s: ${words(last, trouble)}`);
    const deadlineMs = Math.max(LAST_LOOK_MS, Math.min(LOOK_MS, leftMs));
    try {
      last = judgeNodes(await gcs.listNodes({ deadlineMs, signal }), expected);
      trouble = '';
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MusterError) throw error;
      if (!(last && isCutShort(error, deadlineMs))) trouble = reasonOf(error);
    }
    const line = `waiting for Ray's nodes: ${words(last, trouble)}`;
    const isOver = trouble === '' && last?.ok;
    waits?.(isOver ? undefined : { line, awaited: last ? awaitedNodes(last, startedAt) : [] });
    if (isOver) return looks;
    if (trouble === '' && last?.ok === false && last.dead.length > 0) throw refusal(last, words(last, ''));
    if (now() >= nextWordAt) {
      log.info(line, { leftS: Math.round(leftMs / 1000) });
      nextWordAt = now() + progressMs;
    }
    await sleep(Math.min(pollMs, Math.max(1, leftMs)), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Our own timeout ended that look: no word against a GCS that has answered before. */
const isCutShort = (error: unknown, deadlineMs: number): boolean =>
  deadlineMs < LOOK_MS && error instanceof WireError && error.reason === 'deadline';

const words = (verdict: Verdict | undefined, trouble: string): string =>
  [...(trouble ? [`GCS does not answer (${trouble})`] : []), ...(verdict ? [explainVerdict(verdict)] : [])].join('; ');

const refusal = (verdict: Verdict | undefined, message: string): MusterError =>
  new MusterError(
    {
      code: 'ENGINE_GATE',
      message: `Ray's cluster is not the group: ${message}`,
      hint: hintFor(verdict),
    },
    { cause: verdict },
  );

function hintFor(verdict: Verdict | undefined): string {
  if (verdict === undefined || verdict.ok) return 'Look at the head: its GCS stopped answering.';
  if (verdict.dead.length > 0) return "Look at that member's log; Ray's own is logs/raylet.err in its temp dir.";
  if (verdict.short.length > 0) return 'Give that member as many devices as the plan needs, or make the model smaller.';
  if (verdict.missing.length > 0) return "Look at those members' logs: their `ray start` has not come up.";
  return 'Something else joined this cluster: give the group a port and a token of its own.';
}
