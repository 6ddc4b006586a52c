import { expect, test } from 'vitest';
import type { Ending } from '../../../src/launch/rally/rally.ts';
import { causeOf, mayFollow, type Suspect } from '../../../src/launch/rally/suspects.ts';
import { meaningOf } from '../../../src/launch/takeover/supervise.ts';
import { planOf } from '../plan/fixture.ts';

const plan = planOf({ argv: ['--world-size=4', '--rank=0'], env: { MODEL_ID: 'q' } });
const exit = (rank: number, status: number): Suspect => ({ rank, ending: meaningOf(plan, status) });
const engine: Ending = { code: 'ENGINE_LOST', exitStatus: 79, message: '', hint: '', culprit: undefined };

test.each([
  { when: 'a status', ending: meaningOf(plan, 1), want: true },
  { when: 'status 0', ending: meaningOf(plan, 0), want: true },
  { when: 'SIGKILL', ending: meaningOf(plan, 137), want: false },
  { when: 'SIGSEGV', ending: meaningOf(plan, 139), want: false },
  { when: 'its engine is lost', ending: engine, want: true },
  { when: 'a member is lost', ending: { ...engine, code: 'GROUP_LOST' as const }, want: false },
  { when: 'hung', ending: { ...engine, code: 'SERVER_UNHEALTHY' as const, exitStatus: 81 }, want: false },
])('$when may be a consequence: $want', ({ ending, want }) => expect(mayFollow(ending)).toBe(want));

test.each<{ told: [Suspect, ...Suspect[]]; rank: number }>([
  { told: [exit(2, 1)], rank: 2 },
  { told: [exit(2, 1), exit(3, 1)], rank: 2 },
  { told: [exit(2, 1), exit(0, 1)], rank: 0 },
  { told: [exit(2, 1), exit(0, 1), exit(3, 137)], rank: 3 },
  { told: [exit(0, 137), exit(3, 139)], rank: 0 },
])('of $told.length the cause is rank $rank', ({ told, rank }) => expect(causeOf(told).rank).toBe(rank));
