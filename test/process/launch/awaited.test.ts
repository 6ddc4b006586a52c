/** Who is awaited, what happened and what went wrong: asked of the probe ports of a real group of three. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { StatusJson } from '../../../src/launch/watch/status-report.ts';
import { aMeeting, freePorts, inTime, type Muster, RUNTIMES, type Stage, test } from '../support/stage.ts';

const PATIENCE_MS = 60_000;

/** Asks until it is so, and gives what was answered then. */
async function once<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  let last: T | undefined;
  const look = async (): Promise<T> => {
    for (;;) {
      last = await ask().catch(() => undefined);
      if (last !== undefined && isSo(last)) return last;
      await sleep(20);
    }
  };
  return inTime(look(), PATIENCE_MS, () => JSON.stringify(last));
}

async function aGroup(stage: Stage) {
  const meeting = await aMeeting();
  const probes = await freePorts(3);
  const options = ['--grace=2', '--restarts=3', '--progress=0.2'];
  const start = (rank: number): Muster =>
    stage.start([
      'launch',
      'model-server',
      ...['--world-size=3', `--rank=${rank}`, `--member=m${rank}`, '--head-address=127.0.0.1'],
      ...[`--rally-port=${meeting.rally}`, `--engine-port=${meeting.engine}`, `--server-port=${meeting.http}`],
      ...[`--probe-port=${probes[rank]}`, `--runtimes=${RUNTIMES}`, ...options],
    ]);
  const get = (rank: number, path: string) => fetch(`http://127.0.0.1:${probes[rank]}${path}`);
  const status = async (rank: number) => (await (await get(rank, '/status')).json()) as StatusJson;
  const words = async (rank: number, path: string) => (await get(rank, path)).text();
  return { start, status, words };
}

test('each member says whom it waits for, and then what has happened', async ({ stage }) => {
  const { start, status, words } = await aGroup(stage);
  const head = start(0);
  const alone = await once(
    () => status(0),
    ({ awaited }) => awaited.length === 2,
  );
  expect(alone.awaited).toMatchObject([
    { rank: 1, layer: 'rally', detail: 'has not reported yet' },
    { rank: 2, layer: 'rally' },
  ]);
  expect(Date.parse(alone.awaited[0]?.since ?? '')).toBeLessThanOrEqual(Date.parse(alone.at));
  for (const path of ['/startupz', '/readyz'])
    expect(await words(0, path)).toMatch(/2 of 3 members missing: ranks 1-2/);

  const first = start(1);
  const seated = await once(
    () => status(1),
    ({ awaited }) => awaited.some(({ rank }) => rank === 2),
  );
  expect(seated).toMatchObject({ waiting: expect.stringMatching(/seated as rank 1, 1 of 3 members missing: rank 2/) });
  expect(await words(1, '/readyz')).toMatch(/1 of 3 members missing: rank 2/);

  const second = start(2);
  await Promise.all([first, second].map((member) => member.said(/the whole group is ready/)));
  for (const rank of [0, 1, 2])
    expect(await status(rank)).toMatchObject({ awaited: [], faults: [], ready: { yes: true } });
  expect((await status(0)).timeline).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ what: 'arrived', member: 'm1', rank: 1 }),
      expect.objectContaining({ what: 'phase', member: 'm2', rank: 2, phase: 'serving' }),
      expect.objectContaining({ what: 'phase', member: 'm0', rank: 0, phase: 'ready' }),
    ]),
  );

  second.kill('SIGKILL');
  await stage.kill(/model-server --port=\d+ --rank=2/);
  await second.ended();
  const fault = {
    code: 'GROUP_LOST',
    culprit: 'm2',
    generation: 1,
    sentence: 'generation 1 ended: m2 (rank 2) closed its connection',
  };
  for (const rank of [0, 1]) {
    const lost = await once(
      () => status(rank),
      ({ generation, awaited }) => generation === 2 && awaited.some((each) => each.rank === 2),
    );
    expect(lost.faults).toMatchObject([fault]);
  }
  for (const member of [head, first]) member.kill('SIGTERM');
  await Promise.all([head, first].map((member) => member.ended()));
});
