/** A member and an end, for boards. */
import type { Ending } from '../../../src/launch/rally/rally.ts';
import type { Self } from '../../../src/launch/watch/board.ts';

export const SELF: Self = {
  member: 'worker-1',
  role: 'worker',
  rank: undefined,
  worldSize: 3,
  engine: 'native',
  runtime: 'vllm',
  restartLimit: 3,
};

export const ending = (how: Partial<Ending> = {}): Ending => ({
  code: 'GROUP_LOST',
  exitStatus: 79,
  message: 'worker-2 stopped beating 3.1 s ago',
  hint: 'See the log of worker-2.',
  culprit: 'worker-2',
  ...how,
});
