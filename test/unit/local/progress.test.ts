/** How a group comes up, look by look. */
import { describe, expect, test } from 'vitest';
import { begin, outcome, phaseOf, step } from '../../../src/local/progress.ts';
import { frame, groupJson, groupText, table } from '../../../src/local/show.ts';
import type { Sight } from '../../../src/local/sight.ts';
import { ended, report, sight } from './fixture.ts';

describe('the phase of a member in a word', () => {
  test.each<{ when: string; sight: Sight | undefined; want: string }>([
    { when: 'there is no container', sight: undefined, want: 'absent' },
    { when: 'it was made', sight: sight(0, { state: 'created', report: undefined }), want: 'created' },
    { when: 'muster does not answer yet', sight: sight(0, { report: undefined }), want: 'starting' },
    { when: 'it says so itself', sight: sight(0, { report: report({ phase: 'engine' }) }), want: 'engine' },
    { when: 'it is paused', sight: sight(0, { state: 'paused' }), want: 'frozen' },
    { when: 'it has no network', sight: sight(0, { connected: false, report: undefined }), want: 'cut off' },
    { when: 'Docker starts it again', sight: sight(0, { state: 'restarting' }), want: 'restarting' },
    { when: 'it ended', sight: ended(0, 137, 0), want: 'ended (137)' },
  ])('$when → $want', ({ sight, want }) => expect(phaseOf(sight)).toBe(want));
});

describe('news', () => {
  const start = begin(['g-0', 'g-1'], 1_000);

  test('each change of phase is told once, with the time since the start', () => {
    const first = step(start, [sight(0), sight(1, { report: undefined })], 3_000);
    expect(first.news).toEqual(['g-0: joined (rank 0) after 2 s', 'g-1: starting after 2 s']);
    expect(step(first.progress, [sight(0), sight(1, { report: undefined })], 3_200).news).toEqual([]);
    const again = step(first.progress, [sight(0, { report: report({ generation: 2 }) }), sight(1)], 9_000);
    expect(again.news).toEqual(['g-0: joined (rank 0), generation 2 after 8 s', 'g-1: joined (rank 1) after 8 s']);
  });

  test('a wait is told when it has lasted, and not at every look', () => {
    const waiting = [sight(0, { report: report({ waiting: 'rank 1 is missing' }) })];
    let { progress } = step(start, waiting, 1_000);
    const told: number[] = [];
    for (let now = 1_000; now <= 12_000; now += 500) {
      const next = step(progress, waiting, now);
      progress = next.progress;
      if (next.news.length > 0) told.push(now);
    }
    expect(told).toEqual([6_000, 11_000]);
  });

  test('since when counts from what the member itself says', () => {
    const { progress } = step(start, [sight(0, { report: report({ phaseMs: 700 }) })], 5_000);
    expect(progress.members[0]).toMatchObject({ phase: 'joined', since: 4_300 });
  });
});

describe('how it turns out', () => {
  const ready = report({ phase: 'ready', ready: { yes: true } });

  test.each([
    { when: 'the head is ready', sights: [sight(0, { report: ready }), sight(1)], want: { is: 'ready' } },
    { when: 'only a worker says so', sights: [sight(0), sight(1, { report: ready })], want: { is: 'coming' } },
    { when: 'the head does not answer', sights: [sight(0, { report: undefined })], want: { is: 'coming' } },
    { when: 'nobody is there', sights: [], want: { is: 'coming' } },
  ])('$when', ({ sights, want }) => expect(outcome(sights)).toEqual(want));

  test('containers that somebody removed are no reason to wait on', () => {
    expect(outcome([sight(0)], 2)).toEqual({ is: 'removed', count: 1 });
    expect(outcome([], 2)).toEqual({ is: 'removed', count: 2 });
    expect(outcome([sight(0), sight(1)], 2)).toEqual({ is: 'coming' });
  });

  test.each([
    { when: 'the first one', sights: [ended(0, 1, 20), ended(1, 1, 10)], culprit: 'g-1' },
    { when: 'never one that was told', sights: [ended(0, 79, 5), ended(1, 127, 10), ended(2, 75, 1)], culprit: 'g-1' },
    { when: 'unless all were told', sights: [ended(0, 79, 5), ended(1, 79, 4)], culprit: 'g-1' },
    { when: 'even when the head says ready', sights: [sight(0, { report: ready }), ended(1, 137, 4)], culprit: 'g-1' },
  ])('who ended first: $when', ({ sights, culprit }) => {
    expect(outcome(sights)).toMatchObject({ is: 'ended', culprit: { name: culprit } });
  });
});

describe('what is shown', () => {
  test('columns as wide as their widest cell, and nothing that drives a terminal', () => {
    expect(
      table([
        ['A', 'B'],
        ['long', '\x1b[2J'],
      ]),
    ).toEqual(['A     B', 'long  \\x1b[2J']);
  });

  test('no line of a frame is longer than the terminal', () => {
    const { progress } = step(begin(['g-0'], 0), [sight(0, { report: report({ waiting: 'x'.repeat(200) }) })], 0);
    const lines = frame(progress, 'g: 1 member', 60, 1_500);
    expect(lines[0]).toBe('g: 1 member  +1.5 s');
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
  });

  test('status: every member, and what is awaited', () => {
    const text = groupText('g', [
      sight(0, { report: report({ waiting: 'waiting for rank 2' }) }),
      sight(1, { state: 'paused' }),
      ended(2, 137, 0),
    ]);
    expect(text).toMatch(/^NOT READY {2}g: 3 members, vllm, server at http:\/\/127\.0\.0\.1:9000\n/);
    expect(text).toMatch(/g-1 .* frozen/);
    expect(text).toMatch(/g-2 .* ended \(137\)/);
    expect(text).toMatch(/awaited: waiting for rank 2\n$/);
  });

  test('the same as JSON', () => {
    const json = groupJson('g', [sight(0, { report: report({ ready: { yes: true } }) }), ended(1, 3, 0)]);
    expect(json).toMatchObject({
      group: 'g',
      ready: true,
      members: [{ member: 'g-0' }, { status: 3, container: 'exited' }],
    });
  });
});
