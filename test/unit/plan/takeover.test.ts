import { expect, test } from 'vitest';
import { planOf } from './fixture.ts';

test.each([
  { when: 'one member without an engine', runtime: 'vllm', argv: [], want: 'exec' },
  { when: "one member of the server's own mode", runtime: 'demo-native', argv: [], want: 'exec' },
  { when: 'one member with Ray, which would outlive the server', runtime: 'demo', argv: [], want: 'supervise' },
  { when: 'several members', runtime: 'vllm', argv: ['--world-size=2', '--rank=0'], want: 'supervise' },
  { when: 'it is set', runtime: 'demo', argv: ['--takeover=exec'], want: 'exec' },
])('takeover with $when → $want', ({ runtime, argv, want }) => {
  expect(planOf({ runtime, argv, env: { MODEL_ID: 'q' } }).takeover.value).toBe(want);
});
