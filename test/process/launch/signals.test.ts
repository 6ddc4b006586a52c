/** SIGTERM in each phase of a launch: a bounded end, the status it has earned, nobody left, and the others told. */
import { describe, expect } from 'vitest';
import { inParallel } from '../process/programs.ts';
import { aMeeting, expectEnd, type Muster, type Stage, test } from '../support/stage.ts';

const SERVER = { command: ['launch', 'model-server'], members: 2 };
/** Milliseconds: far from every grace and timeout here, also on a machine that has other work. */
const SOON_MS = 20_000;

async function ask(member: Muster, signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
  const at = performance.now();
  member.kill(signal);
  expect((await member.ended()).at - at).toBeLessThan(SOON_MS);
  return (await member.ended()).status;
}

describe('while it waits for members', () => {
  test.for([
    { signal: 'SIGTERM', status: 143 },
    { signal: 'SIGINT', status: 130 },
    { signal: 'SIGQUIT', status: 131 },
  ] as const)(
    '$signal to the head: $status, and its workers end with 79 (fault 10)',
    async ({ signal, status }, { stage }) => {
      const group = { ...SERVER, members: 3, meeting: await aMeeting() };
      const head = stage.member(0, group);
      const worker = stage.member(1, group);
      await head.said(/worker-1 at 127\.0\.0\.1 is in/);
      expect(await ask(head, signal)).toBe(status);
      expectEnd(await worker.ended(SOON_MS), { status: 79, says: new RegExp(`head was asked to stop by ${signal}`) });
    },
  );

  test('to a worker that waits for its head: 143 (fault 10)', async ({ stage }) => {
    const worker = stage.member(1, { ...SERVER, meeting: await aMeeting(), options: ['--progress=0.1'] });
    await worker.said(/waiting .* for the head/);
    expect(await ask(worker)).toBe(143);
  });

  test('to a seated worker: 143; the head goes on waiting, and its replacement gets the seat (fault 10)', async ({
    stage,
  }) => {
    const group = { ...SERVER, members: 3, meeting: await aMeeting() };
    const head = stage.member(0, group);
    const first = stage.member(1, group);
    await head.said(/worker-1 at 127\.0\.0\.1 is in/);
    expect(await ask(first)).toBe(143);
    const rest = [stage.member(1, group), stage.member(2, group)];
    await Promise.all(rest.map((each) => each.said(/the whole group is ready/)));
    head.kill('SIGTERM');
    await Promise.all([head, ...rest].map((each) => each.ended()));
  });
});

describe.for([
  { phase: 'while the server loads', args: ['--never-ready'], ready: false },
  { phase: 'while it serves', args: [], ready: true },
])('$phase', ({ args, ready }) => {
  async function aGroup(stage: Stage, more: readonly string[] = []): Promise<[Muster, Muster]> {
    const [head, worker] = await stage.group({ ...SERVER, serverArgs: [...args, ...more] });
    await Promise.all([head.printed(/ready/), worker!.printed(/ready/)]);
    if (ready) await worker!.said(/the whole group is ready/);
    return [head, worker!];
  }

  test('to the head: its server’s status; the worker’s server is asked too, the worker ends with 79 (fault 10)', async ({
    stage,
  }) => {
    const [head, worker] = await aGroup(stage);
    expect(await ask(head)).toBe(0);
    const ended = await worker.ended(SOON_MS);
    expectEnd(ended, { status: 79, says: /head was asked to stop by SIGTERM/ });
    expect(ended.stdout.toString()).toBe('ready\nbye\n');
  });

  test('to the head, whose server gives 7: 7', async ({ stage }) => {
    const [head, worker] = await aGroup(stage, ['--on-term=7']);
    expect(await ask(head)).toBe(7);
    expectEnd(await worker.ended(SOON_MS), { status: 79 });
  });

  test('to a worker: its server’s status; the head ends with 79 and its server was asked (fault 10)', async ({
    stage,
  }) => {
    const [head, worker] = await aGroup(stage);
    worker.kill('SIGTERM');
    const ended = await head.ended(SOON_MS);
    expectEnd(ended, {
      status: 79,
      says: /worker-1 \(rank 1\) was asked to stop|worker-1 was asked to stop by SIGTERM/,
    });
    expect(ended.stdout.toString()).toBe('ready\nbye\n');
    expect((await worker.ended(SOON_MS)).status).toBe(0);
  });

  test('to all at once, as a rollout does: every server is asked once, every status is its own', async ({ stage }) => {
    const members = await aGroup(stage, ['--slow-term=0.3', '--on-term=6']);
    expect(await Promise.all(members.map((member) => ask(member)))).toEqual([6, 6]);
    for (const member of members) expect(member.stdout.toString()).toBe('ready\nbye\n');
  });
});

describe('at any moment of a start', () => {
  /** Milliseconds after the start of the last process; the whole start takes about 400. */
  const MOMENTS = [0, 20, 40, 60, 80, 100, 120, 150, 180, 210, 250, 300, 350, 400, 500];

  test('to the head: it ends, the worker ends, nobody is left (fault 10)', async ({ stage }) => {
    await inParallel(MOMENTS, 3, async (moment) => {
      const [head, worker] = await stage.group({ ...SERVER, options: ['--rally-timeout=1'] });
      await new Promise((resolve) => setTimeout(resolve, moment)); // what is tried: an arbitrary moment
      head.kill('SIGTERM');
      const ended = await head.ended(SOON_MS + 1_000);
      expect([0, 143]).toContain(ended.status);
      // 69: the head was gone before it was met; 75: before the worker had its seat.
      expect([69, 75, 79]).toContain((await worker!.ended(5_000)).status);
    });
  });

  test('to a lone server under exec: it ends by SIGTERM, ours or its own (fault 37)', async ({ stage }) => {
    for (const moment of MOMENTS.slice(0, 10)) {
      const muster = stage.start(['run', '--takeover=exec', '--', 'sleep', '600']);
      await new Promise((resolve) => setTimeout(resolve, moment / 2));
      expect(await ask(muster)).toBe(143);
    }
  });
});
