import { expect, test } from 'vitest';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { withOomKills } from '../../../src/launch/takeover/out-of-memory.ts';

const ENDED: Ending = {
  code: 'SERVER_EXITED',
  exitStatus: 1,
  message: 'the server of me ended with status 1',
  hint: 'Its own output above says why.',
  culprit: 'me',
};
const at = (count: number, file = '/c/memory.events') => ({ count, file });

test.each([
  { before: at(0), now: at(1), says: 'had killed a process of me for want of memory (oom_kill in /c/memory.events)' },
  { before: at(4), now: at(7), says: 'had killed 3 processes of me for want of memory' },
])('from $before.count to $now.count: it is told, and the status stays (fault 33)', ({ before, now, says }) => {
  const told = withOomKills(ENDED, 'me', { before, now });
  expect(told).toMatchObject({ code: 'SERVER_EXITED', exitStatus: 1, hint: expect.stringContaining('memory limit') });
  expect(told.message).toContain(says);
});

test('what the head has heard from us and told back is not told twice', () => {
  const counts = { before: at(0), now: at(1) };
  const told = withOomKills(ENDED, 'me', counts);
  expect(withOomKills(told, 'me', counts)).toBe(told);
});

type Count = ReturnType<typeof at> | undefined;

test.each<{ when: string; ending?: Partial<Ending>; before?: Count; now?: Count }>([
  { when: 'nobody was killed', before: at(2), now: at(2) },
  { when: 'it cannot be read', now: undefined },
  { when: 'it could not be read before', now: at(2) },
  { when: 'another cgroup counts now', before: at(0), now: at(2, '/d/memory.events') },
  { when: 'another member failed', ending: { culprit: 'other' }, before: at(0), now: at(1) },
  { when: 'somebody asked for the end', ending: { code: 'STOPPED' }, before: at(0), now: at(1) },
])('when $when, nothing is added', ({ ending = {}, before, now }) => {
  const given = { ...ENDED, ...ending };
  expect(withOomKills(given, 'me', { before, now })).toBe(given);
});
