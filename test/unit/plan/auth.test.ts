import { describe, expect, test } from 'vitest';
import { isLoopback } from '../../../src/launch/plan/auth.ts';
import { planMember } from './fixture.ts';

const group = (...more: string[]) => ['--world-size=2', '--rank=1', ...more];
const away = '--head-address=gpu-0';
const token = (bytes: number) => ({ origin: 'file /run/token', bytes });

function auth(
  argv: readonly string[],
  token_?: { origin: string; bytes: number },
  tls?: { origin: string; notes: string[] },
): string {
  const planned = planMember({ runtime: 'run', argv: [...argv, '--', 'true'], facts: { token: token_, tls } });
  return 'plan' in planned
    ? `${planned.plan.auth.value} (${planned.plan.auth.origin})`
    : planned.refusals.map(({ code }) => code).join();
}

describe('whether members prove themselves', () => {
  test.each([
    { when: 'the group has one member', argv: [], token: undefined, want: 'none (world size 1)' },
    { when: 'the group has one member and a weak token', argv: [], token: token(3), want: 'none (world size 1)' },
    { when: 'there is a token', argv: group(away), token: token(32), want: 'token (file /run/token)' },
    { when: 'the token has 16 bytes', argv: group(away), token: token(16), want: 'token (file /run/token)' },
    { when: 'the token has 15 bytes', argv: group(away), token: token(15), want: 'TOKEN_WEAK' },
    { when: 'the token is empty', argv: group(away), token: token(0), want: 'TOKEN_WEAK' },
    { when: 'a weak token meets --insecure', argv: group(away, '--insecure'), token: token(1), want: 'TOKEN_WEAK' },
    { when: 'there is none', argv: group(away), token: undefined, want: 'TOKEN_MISSING' },
    {
      when: 'a head that nobody named has none',
      argv: ['--world-size=2', '--rank=0'],
      token: undefined,
      want: 'TOKEN_MISSING',
    },
    { when: '--insecure', argv: group(away, '--insecure'), token: undefined, want: 'none (flag --insecure)' },
    {
      when: 'a token and --insecure',
      argv: group(away, '--insecure'),
      token: token(32),
      want: 'token (file /run/token)',
    },
    {
      when: 'the head is on loopback',
      argv: group('--head-address=127.0.0.1'),
      token: undefined,
      want: 'none (the head is on loopback)',
    },
    { when: 'loopback and a weak token', argv: group('--head-address=::1'), token: token(1), want: 'TOKEN_WEAK' },
  ])('$when → $want', ({ argv, token: given, want }) => {
    expect(auth(argv, given)).toBe(want);
  });

  test('a token file that is open to all is worth a warning, and no more', () => {
    const facts = { token: { origin: 'file /t', bytes: 32, openToAll: true } };
    const planned = planMember({ runtime: 'run', argv: group(away, '--', 'true').flat(), facts });
    const notes = 'plan' in planned ? planned.plan.notes : [];
    expect(notes.filter((note) => note.includes('token'))).toEqual([
      expect.stringContaining('file /t is open to every user'),
    ]);
  });

  test.each([
    { when: 'over a network', argv: group(away), token: undefined, want: 'mTLS (env MUSTER_TLS_DIR)' },
    {
      when: 'with a token',
      argv: group(away),
      token: token(32),
      want: 'token, mTLS (file /run/token, env MUSTER_TLS_DIR)',
    },
    { when: 'with a weak token', argv: group(away), token: token(3), want: 'TOKEN_WEAK' },
    { when: 'on loopback', argv: group('--head-address=::1'), token: undefined, want: 'mTLS (env MUSTER_TLS_DIR)' },
    { when: 'alone', argv: [], token: undefined, want: 'none (world size 1)' },
  ])('TLS $when → $want', ({ argv, token: given, want }) => {
    expect(auth(argv, given, { origin: 'env MUSTER_TLS_DIR', notes: [] })).toBe(want);
  });

  test('what is odd about the certificates is worth a warning', () => {
    const facts = { token: undefined, tls: { origin: 'flag --tls-dir', notes: ['signed by nobody'] } };
    const planned = planMember({ runtime: 'run', argv: group(away, '--', 'true').flat(), facts });
    expect('plan' in planned && planned.plan.notes).toContain('signed by nobody');
  });

  test('an open group is worth a warning', () => {
    const planned = planMember({
      runtime: 'run',
      argv: group(away, '--insecure', '--', 'true').flat(),
      facts: { token: undefined },
    });
    expect('plan' in planned && planned.plan.notes).toContainEqual(expect.stringContaining('no token'));
  });
});

test.each([
  ...['localhost', '::1', '127.0.0.1', '127.1.2.3'].map((host) => ({ host, want: true })),
  ...['10.0.0.1', 'gpu-0', '127.example.com', '1127.0.0.1', 'localhost.evil.com', '', undefined].map((host) => ({
    host,
    want: false,
  })),
])('loopback: $host → $want', ({ host, want }) => {
  expect(isLoopback(host)).toBe(want);
});
