import { describe, expect, test } from 'vitest';
import type { Health } from '../../../src/launch/watch/probes/probe.ts';
import { ANSWERING, judgeHealth, watchHealth } from '../../../src/launch/watch/watch-health.ts';
import { textLog } from '../../../src/log.ts';

const up: Health = { up: true };
const silent: Health = { up: false, why: 'no answer within 10 s' };

describe('judgeHealth', () => {
  test.each([
    { when: 'it answers', before: { missed: 5, failingSince: 0 }, health: up, now: 10, verdict: 'up' },
    { when: 'one answer is missed', before: ANSWERING, health: silent, now: 10, verdict: 'doubtful' },
    { when: 'two are missed', before: { missed: 1, failingSince: 0 }, health: silent, now: 10, verdict: 'down' },
    { when: 'silent for the limit', before: { missed: 1, failingSince: 0 }, health: silent, now: 100, verdict: 'hung' },
    { when: 'one look takes the whole limit', before: ANSWERING, health: silent, now: 109, verdict: 'hung' },
  ])('$when → $verdict', ({ before, health, now, verdict }) => {
    expect(judgeHealth(before, health, { at: 9, now, limitMs: 100 }).verdict).toBe(verdict);
  });
});

test('readiness goes and comes back, and a server that stays silent is named hung (fault 32)', async () => {
  const script: Health[] = [up, silent, up, silent, silent, up, silent, silent, silent];
  const changes: boolean[] = [];
  const lines: string[] = [];
  let clock = 0;
  const refusal = await watchHealth({
    probe: {
      name: 'GET /health',
      look: async () => {
        clock += 10;
        return script.shift() ?? silent;
      },
    },
    periodMs: 0,
    limitMs: 30,
    onChange: (isUp) => void changes.push(isUp),
    signal: new AbortController().signal,
    log: textLog({ level: 'info', now: () => 0, write: (line) => void lines.push(line) }),
    now: () => clock,
  });
  expect(changes).toEqual([false, true, false]);
  expect(refusal).toMatchObject({
    code: 'SERVER_UNHEALTHY',
    message: expect.stringContaining('GET /health: no answer'),
  });
  expect(lines).toHaveLength(3);
});
