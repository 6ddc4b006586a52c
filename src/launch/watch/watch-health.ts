/**
 * After ready: does the server still answer? Its health check only, never a request that a busy server would fail.
 *
 * One missed answer is nothing (a long prefill, a collection). Two in a row take readiness away, so that no new request
 * comes; silence for as long as the plan allows means that the server hangs, and ends the generation (81).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Refusal } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Health, Probe } from './probes/probe.ts';

/** How the server has answered lately. */
export interface Answers {
  /** Failed looks in a row. */
  readonly missed: number;
  /** When the first of them began, ms on the monotonic clock. */
  readonly failingSince: number | undefined;
}

export const ANSWERING: Answers = { missed: 0, failingSince: undefined };

export type HealthVerdict = 'up' | 'doubtful' | 'down' | 'hung';

/** Pure. @param at when the look began; now: when it ended, ms */
export function judgeHealth(
  before: Answers,
  health: Health,
  { at, now, limitMs }: { at: number; now: number; limitMs: number },
): { answers: Answers; verdict: HealthVerdict } {
  if (health.up) return { answers: ANSWERING, verdict: 'up' };
  const failingSince = before.failingSince ?? at;
  const answers = { missed: before.missed + 1, failingSince };
  if (now - failingSince >= limitMs) return { answers, verdict: 'hung' };
  return { answers, verdict: answers.missed >= 2 ? 'down' : 'doubtful' };
}

export interface WatchHealth {
  readonly probe: Probe;
  /** Between two looks, milliseconds. A look takes 10 s at most. */
  readonly periodMs: number;
  /** Silence that means hung, milliseconds. */
  readonly limitMs: number;
  readonly onChange: (up: boolean) => void;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly now: () => number;
}

/** Resolves with the refusal when the server hangs; undefined when aborted. */
export async function watchHealth(input: WatchHealth): Promise<Refusal | undefined> {
  const { probe, periodMs, limitMs, onChange, signal, log, now } = input;
  let answers = ANSWERING;
  let up = true;
  while (!signal.aborted) {
    await sleep(periodMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const at = now();
    const health = await probe.look(signal);
    if (signal.aborted) break;
    const judged = judgeHealth(answers, health, { at, now: now(), limitMs });
    answers = judged.answers;
    const why = health.up ? '' : health.why;
    if (judged.verdict === 'hung') return hung(probe, why, limitMs);
    const isUp: boolean = judged.verdict === 'up' || (judged.verdict === 'doubtful' && up);
    if (isUp !== up) {
      if (isUp) log.info(`the server answers again (${probe.name})`);
      else log.warn(`the server does not answer, readiness is taken away (${probe.name}: ${why})`);
      onChange(isUp);
    }
    up = isUp;
  }
  return undefined;
}

const hung = (probe: Probe, why: string, limitMs: number): Refusal => ({
  code: 'SERVER_UNHEALTHY',
  message: `the server has not answered for ${limitMs / 1000} s (${probe.name}: ${why})`,
  hint: 'It hangs, or its engine does: look at its output above. A server that is only busy needs a longer --hang-timeout.',
});
