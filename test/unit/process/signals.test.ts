import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { FORWARDED, signalNumber, statusOf } from '../../../src/process/signals.ts';

describe('statusOf', () => {
  test.each([0, 1, 2, 126, 127, 128, 255])('code %i stays %i', (code) => expect(statusOf(code, null)).toBe(code));

  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGABRT', 134],
    ['SIGKILL', 137],
    ['SIGSEGV', 139],
    ['SIGTERM', 143],
  ] as const)('death by %s is %i', (signal, status) => expect(statusOf(null, signal)).toBe(status));

  test('neither code nor signal is a bug', () => expect(statusOf(null, null)).toBe(70));
});

test('signalNumber is the number of this kernel', () => expect(signalNumber('SIGTERM')).toBe(15));

describe('FORWARDED', () => {
  const notForwarded = new Set(
    'KILL STOP CHLD SEGV BUS FPE ILL TRAP SYS ABRT IOT PIPE XFSZ PROF TTIN TTOU STKFLT POLL'
      .split(' ')
      .map((name) => `SIG${name}`),
  );

  test('and the documented exceptions are all there is', () => {
    const all = Object.keys(constants.signals).filter((name) => !notForwarded.has(name));
    expect([...FORWARDED].sort()).toEqual(all.sort());
  });

  test('names each number once', () => {
    expect(new Set(FORWARDED.map(signalNumber)).size).toBe(FORWARDED.length);
  });
});
