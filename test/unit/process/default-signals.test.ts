import { expect, test } from 'vitest';
import { defaultSignals } from '../../../src/process/default-signals.ts';

test('this machine’s env resets signals', () => {
  expect(defaultSignals('/bin/true')).toEqual(['/usr/bin/env', '--default-signal=PIPE,XFSZ', '--']);
});

test.each([
  { when: 'the path looks like an assignment', file: '/opt/a=b/server', places: undefined },
  { when: 'env would search PATH', file: 'server', places: undefined },
  { when: 'no env is there', file: '/bin/true', places: ['/no/such/env'] },
  { when: 'env is too old to know how', file: '/bin/true', places: ['/bin/true'] },
])('none when $when', ({ file, places }) => expect(defaultSignals(file, places)).toBeUndefined());
