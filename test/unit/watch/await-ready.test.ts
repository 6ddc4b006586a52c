import { describe, expect, test } from 'vitest';
import { type AwaitReady, awaitReady } from '../../../src/launch/watch/probes/await-ready.ts';
import type { Health } from '../../../src/launch/watch/probes/probe.ts';
import { judgeStatus, type SmokeResult } from '../../../src/launch/watch/probes/smoke.ts';
import { textLog } from '../../../src/log.ts';

/** A world without time: each sleep moves the clock; the n-th look gets the n-th answer, the last one for ever. */
function scene(answers: readonly Health[], proofs: readonly SmokeResult[] = [], more: Partial<AwaitReady> = {}) {
  let clock = 0;
  let looks = 0;
  let proven = 0;
  const lines: string[] = [];
  const input: AwaitReady = {
    probe: {
      name: 'GET /health',
      look: async () => answers[Math.min(looks++, answers.length - 1)] ?? { up: true },
    },
    smoke: proofs.length > 0 ? async () => proofs[Math.min(proven++, proofs.length - 1)]! : undefined,
    timeoutMs: 10_000,
    periodMs: 1_000,
    progressMs: 3_000,
    signal: new AbortController().signal,
    log: textLog({ level: 'info', now: () => clock, write: (line) => void lines.push(line) }),
    now: () => clock,
    sleep: async (ms) => {
      clock += ms;
    },
    ...more,
  };
  return { ready: awaitReady(input), lines, clock: () => clock, looks: () => looks };
}
const no = (why: string): Health => ({ up: false, why });
const yes: Health = { up: true };

describe('awaitReady', () => {
  test('ready at the first yes when there is nothing to prove', async () => {
    const { ready } = scene([no('HTTP 503'), no('HTTP 503'), yes]);
    await expect(ready).resolves.toEqual({ via: undefined, tookMs: 2_000 });
  });

  test('a yes of the probe is not enough: the request must be served', async () => {
    const { ready } = scene(
      [yes],
      [
        { ok: false, why: 'POST /x: HTTP 500' },
        { ok: true, via: 'POST /x' },
      ],
    );
    await expect(ready).resolves.toEqual({ via: 'POST /x', tookMs: 1_000 });
  });

  test('unproven is ready, with a warning', async () => {
    const { ready, lines } = scene([yes], [{ ok: 'unproven', why: 'POST /x: HTTP 404' }]);
    await expect(ready).resolves.toEqual({ via: undefined, tookMs: 0 });
    expect(lines.join('')).toContain(
      'WARN readiness rests on GET /health alone: no request proved it (POST /x: HTTP 404)',
    );
  });

  test('at the timeout: 124 and the last answer', async () => {
    const { ready, clock } = scene([no('tcp: nobody listens'), no('HTTP 503')]);
    await expect(ready).rejects.toMatchObject({
      code: 'SERVER_NOT_READY',
      exitStatus: 124,
      message: 'the server was not ready after 10 s: GET /health: HTTP 503',
    });
    expect(clock()).toBe(10_000);
  });

  test('at the timeout with a server that is up and fails', async () => {
    const { ready } = scene([yes], [{ ok: false, why: 'POST /x: HTTP 500: engine dead' }]);
    await expect(ready).rejects.toThrow('GET /health says up, but POST /x: HTTP 500: engine dead');
  });

  test('one line each progressMs: what it said, since when, how long yet', async () => {
    const { ready, lines } = scene([no('a'), no('a'), no('b')]);
    await ready.catch(() => undefined);
    expect(lines).toEqual([
      'muster +3.000s waiting for the server: GET /health: b forS=1 leftS=7\n',
      'muster +6.000s waiting for the server: GET /health: b forS=4 leftS=4\n',
      'muster +9.000s waiting for the server: GET /health: b forS=7 leftS=1\n',
    ]);
  });

  test('an abort ends it with its reason', async () => {
    const stop = new AbortController();
    const { ready } = scene([no('a')], [], {
      signal: stop.signal,
      sleep: async () => stop.abort(new Error('the server exited')),
    });
    await expect(ready).rejects.toThrow('the server exited');
  });
});

test('judgeStatus over every status', () => {
  const by = Object.groupBy(
    Array.from({ length: 500 }, (_, i) => 100 + i),
    judgeStatus,
  );
  expect(by.served).toEqual(Array.from({ length: 100 }, (_, i) => 200 + i));
  expect(by.failed).toEqual([408, 429, ...Array.from({ length: 100 }, (_, i) => 500 + i).filter((s) => s !== 501)]);
  for (const status of [301, 400, 401, 403, 404, 405, 415, 422, 501]) expect(by['not-this-one']).toContain(status);
});
