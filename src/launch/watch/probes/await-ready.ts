/** Waits until the server says it is up and then proves it once. The loop; what to ask is `Probe` and `smoke`. */
import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { Probe } from './probe.ts';
import type { SmokeResult } from './smoke.ts';

export interface AwaitReady {
  readonly probe: Probe;
  /** The first real request; undefined: the probe's word is enough. Never throws. */
  readonly smoke: ((signal: AbortSignal) => Promise<SmokeResult>) | undefined;
  /** Milliseconds for everything; a large model may need 30 min. */
  readonly timeoutMs: number;
  /** Between two looks. */
  readonly periodMs: number;
  /** Between two log lines. */
  readonly progressMs: number;
  readonly signal: AbortSignal;
  /** Told at each look what was heard, and since when, ms on the monotonic clock. */
  readonly waits?: (words: string, since: number) => void;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  /** @default a timer that ends early, without error, when `signal` aborts */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

export interface Ready {
  /** The request that proved it; undefined: health alone says so. */
  readonly via: string | undefined;
  readonly tookMs: number;
}

const timer = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => undefined);

/**
 * @throws MusterError SERVER_NOT_READY (124) at the timeout, with what was last heard
 * @throws the signal's reason when aborted (the server exited, the group ended)
 */
export async function awaitReady(input: AwaitReady): Promise<Ready> {
  const { probe, timeoutMs, periodMs, progressMs, signal, waits, log, now, sleep = timer } = input;
  const startedAt = now();
  const deadline = startedAt + timeoutMs;
  let said = { words: 'nothing was heard yet', since: startedAt };
  let nextWordAt = startedAt + progressMs;
  for (;;) {
    signal.throwIfAborted();
    const leftMs = deadline - now();
    if (leftMs <= 0) throw notReady(probe, timeoutMs, said.words);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
    const heard = await lookOnce(input, limit);
    signal.throwIfAborted();
    if (typeof heard !== 'string') return { via: heard.via, tookMs: now() - startedAt };
    if (heard !== said.words) said = { words: heard, since: now() };
    waits?.(said.words, said.since);
    if (now() >= nextWordAt) {
      const forS = Math.round((now() - said.since) / 1000);
      log.info(`waiting for the server: ${said.words}`, { forS, leftS: Math.round((deadline - now()) / 1000) });
      nextWordAt = now() + progressMs;
    }
    await sleep(Math.max(0, Math.min(periodMs, deadline - now())), signal);
  }
}

/** What is missing in words, or what proved it. */
async function lookOnce({ probe, smoke, log }: AwaitReady, limit: AbortSignal): Promise<string | { via?: string }> {
  const health = await probe.look(limit);
  if (!health.up) return `${probe.name}: ${health.why}`;
  if (smoke === undefined) return {};
  const proof = await smoke(limit);
  if (proof.ok === true) return { via: proof.via };
  if (proof.ok === false) return `${probe.name} says up, but ${proof.why}`;
  log.warn(`readiness rests on ${probe.name} alone: no request proved it (${proof.why})`);
  return {};
}

const notReady = (probe: Probe, timeoutMs: number, words: string): MusterError =>
  new MusterError({
    code: 'SERVER_NOT_READY',
    message: `the server was not ready after ${timeoutMs / 1000} s: ${words}`,
    hint: `Look at the server's output above; if it only needs longer, give it a longer ready timeout (${probe.name}).`,
  });
