import { describe, expect, test } from 'vitest';
import { diagnoseRayStart } from '../../../src/launch/start/ray/diagnose.ts';
import fc from '../../property.ts';

describe('diagnoseRayStart', () => {
  test.each([
    {
      when: 'the port is held by another program',
      lines: ['RuntimeError: Failed to start the grpc server. The specified port is 6379. This means that …'],
      says: 'Failed to start the grpc server. The specified port is 6379',
      hint: /choose another port/,
    },
    {
      when: 'Ray already runs there',
      lines: [
        'ConnectionError: Ray is trying to start at 10.0.0.7:6379, but is already running at 10.0.0.7:6379. Please …',
      ],
      says: 'is already running at 10.0.0.7:6379.',
      hint: /another Ray/,
    },
    {
      when: 'another session has the port',
      lines: [
        'AssertionError: Session name session_a does not match persisted value session_b. Perhaps there was an error',
      ],
      says: 'Session name session_a does not match persisted value session_b.',
      hint: /choose another port/,
    },
    {
      when: 'the versions differ',
      lines: ['RuntimeError: Version mismatch: The cluster was started with:', '    Ray: 2.60.0', '    Python: 3.11.7'],
      says: 'Version mismatch: The cluster was started with: Ray: 2.60.0 Python: 3.11.7',
      hint: /same image/,
    },
    {
      when: 'an old Ray meets a newer head',
      lines: ["Exception: Could not read 'temp_dir' from GCS"],
      says: "Could not read 'temp_dir' from GCS",
      hint: /an old Ray meets a newer head/,
    },
    {
      when: 'the object store is too small',
      lines: [
        'ValueError: Attempting to cap object store memory usage at 1000 bytes, but the minimum allowed is 78643200 bytes.',
      ],
      says: 'Attempting to cap object store memory usage at 1000 bytes, but the minimum allowed is 78643200 bytes',
      hint: /--object-store-memory/,
    },
    {
      when: 'an option is unknown',
      lines: ['Error: No such option: --blok'],
      says: 'No such option: --blok',
      hint: /does not know/,
    },
    {
      when: "the port is one of Ray's worker ports",
      lines: [
        'ValueError: Ray component worker_ports is trying to use a port number 16379 that is used by other components.',
      ],
      says: 'Ray component worker_ports is trying to use a port number 16379 that is used by other components.',
      hint: /10002-19999/,
    },
    {
      when: 'the temp dir is too long for a socket',
      lines: ['OSError: validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /tmp/xxx'],
      says: 'AF_UNIX path length cannot exceed 107 bytes: /tmp/xxx',
      hint: /shorter --temp-dir/,
    },
    {
      when: 'token auth is on and there is no token',
      lines: [
        'ray.exceptions.AuthenticationError: Token authentication is enabled but no authentication token was found.',
      ],
      says: 'AuthenticationError: Token authentication is enabled but no authentication token was found.',
      hint: /RAY_AUTH_TOKEN/,
    },
    {
      when: 'one of its processes was killed, and its log filled the tail',
      lines: [
        'ray: [state-dump] DebugString() time ms: 0',
        '2026-11-21 05:18:46,037\tERR scripts.py:127 -- ----- END raylet.out tail (exit code(s)=-9 (signal 9)) -----',
        '2026-11-21 05:18:46,037\tERR scripts.py:1312 -- Remaining processes will be killed.',
      ],
      says: 'raylet.out tail (exit code(s)=-9 (signal 9))',
      hint: /one of its processes dies/,
    },
    {
      when: 'the last line is all there is',
      lines: ['Traceback …', '\u001b[31mOSError: disk quota exceeded\u001b[0m', '  '],
      says: 'OSError: disk quota exceeded',
      hint: /session_latest\/logs/,
    },
  ])('$when', ({ lines, says, hint }) => {
    expect(diagnoseRayStart({ status: 1, lines })).toEqual({
      code: 'ENGINE_START_FAILED',
      message: `ray start failed (status 1): ${says}`,
      hint: expect.stringMatching(hint),
    });
  });

  const TIMED_OUT = [
    'Exception: The current node timed out during startup. This could happen because some of the raylet failed',
  ];

  test("a timed-out node: the cause is in the agent's log", () => {
    const refusal = diagnoseRayStart({
      status: 1,
      lines: TIMED_OUT,
      logs: { 'dashboard_agent.log': 'ImportError: libssl.so.3: cannot open shared object file\n' },
    });
    expect(refusal.message).toContain('ImportError: libssl.so.3');
  });

  test('a timed-out node without a cause', () => {
    const refusal = diagnoseRayStart({ status: 1, lines: TIMED_OUT, logs: { 'raylet.err': '' } });
    expect(refusal.message).toBe('ray start failed (status 1): The current node timed out during startup');
    expect(refusal.hint).toContain('dashboard_agent.log');
  });

  test('silence', () => {
    expect(diagnoseRayStart({ status: 137, lines: [] }).message).toBe('ray start failed (status 137) without a word');
  });

  test('anything gives one short line', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        const { message } = diagnoseRayStart({ status: 1, lines });
        expect(message).not.toMatch(/\n/);
        expect(message.length).toBeLessThan(400);
      }),
    );
  });
});
