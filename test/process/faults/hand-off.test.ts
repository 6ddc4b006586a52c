/** A signal at the very moment the server replaces muster: one of the two must end by it. A lost one hangs this test. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { signalNumber } from '../../../src/process/signals.ts';
import { inParallel } from '../process/programs.ts';
import { aMeeting, type Muster, type Stage, test } from '../support/stage.ts';

/** Milliseconds around the hand-off, in no order: what is tried are moments. */
const MOMENTS = Array.from({ length: 9 }, (_, index) => (index * 37) % 51);
const PATIENCE_MS = 60_000;

const SERVER = ['/usr/bin/sleep', '600', ''].join('\0');

const atMoment = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The PID is the same all along; its words are not. */
const isServer = ({ pid }: Muster): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8') === SERVER;

describe('of a lone server', () => {
  /** Not SIGUSR1: until a program listens to it, Node starts its inspector on that. */
  const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const;

  /** Milliseconds from the start of muster until it is the server, here and now. */
  async function timeOfLeap(stage: Stage): Promise<number> {
    const from = performance.now();
    const muster = stage.start(['run', '--takeover=exec', '--', '/usr/bin/sleep', '600']);
    await expect.poll(() => isServer(muster), { interval: 1, timeout: PATIENCE_MS }).toBe(true);
    const took = performance.now() - from;
    muster.kill('SIGKILL');
    await muster.ended(PATIENCE_MS);
    return took;
  }

  test.for(SIGNALS)('%s within 25 ms of the leap: 128 + n (fault 37)', async (signal, { stage }) => {
    const leapMs = await timeOfLeap(stage);
    const statuses = await inParallel(MOMENTS, 2, async (moment) => {
      const muster = stage.start(['run', '--takeover=exec', '--', '/usr/bin/sleep', '600']);
      await atMoment(Math.max(0, leapMs - 25 + moment));
      muster.kill(signal);
      return (await muster.ended(PATIENCE_MS)).status;
    });
    expect(new Set(statuses)).toEqual(new Set([128 + signalNumber(signal)]));
  });
});

describe('of a group', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)(
    '%s to the head 0 to 50 ms after all are in: 128 + n (fault 37)',
    async (signal, { stage }) => {
      const statuses = await inParallel(MOMENTS, 2, async (moment) => {
        const group = { command: ['run'], members: 2, meeting: await aMeeting(), options: ['--takeover=exec'] };
        const [head, worker] = await stage.group({ ...group, serverArgs: ['sleep', '600'] });
        await head.said(/all 2 members are in/, PATIENCE_MS);
        await atMoment(moment);
        head.kill(signal);
        const { status } = await head.ended(PATIENCE_MS);
        // A worker that is its server already hears of nobody; one that is not ends by itself, or has just done so.
        worker?.kill('SIGTERM');
        await worker?.ended(PATIENCE_MS);
        return status;
      });
      expect(new Set(statuses)).toEqual(new Set([128 + signalNumber(signal)]));
    },
  );
});
