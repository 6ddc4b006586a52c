import { expect, test } from 'vitest';
import { cutArgv } from '../../../src/launch/args/cut.ts';

test.each([
  { when: 'nothing is typed', argv: [], ours: [], theirs: undefined },
  { when: 'there is no --', argv: ['vllm', '--rank=1'], ours: ['vllm', '--rank=1'], theirs: undefined },
  { when: '-- comes last', argv: ['vllm', '--'], ours: ['vllm'], theirs: [] },
  { when: '-- comes first', argv: ['--', 'ls', '-l'], ours: [], theirs: ['ls', '-l'] },
  { when: 'there is a second --', argv: ['a', '--', 'b', '--', 'c'], ours: ['a'], theirs: ['b', '--', 'c'] },
  { when: 'they start with --', argv: ['a', '--', '--', 'c'], ours: ['a'], theirs: ['--', 'c'] },
  {
    when: 'args are empty or odd',
    argv: ['a', '--', '', ' ', '1.0', '\n'],
    ours: ['a'],
    theirs: ['', ' ', '1.0', '\n'],
  },
  { when: '-- is only a prefix', argv: ['--rank', '1', '---'], ours: ['--rank', '1', '---'], theirs: undefined },
])('when $when → cut at the first --', ({ argv, ours, theirs }) => {
  expect(cutArgv(argv)).toEqual({ ours, theirs });
});
