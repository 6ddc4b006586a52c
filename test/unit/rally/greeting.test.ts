import { describe, expect, test } from 'vitest';
import { readGreeting, sendOff } from '../../../src/launch/rally/greeting.ts';

const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const acknowledged = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const goaway = (code: number, length = 8) => {
  const frame = Buffer.alloc(9 + length);
  frame[2] = length;
  frame[3] = 7;
  if (length >= 8) frame.writeUInt32BE(code, 13);
  return frame;
};

describe('what a server says first', () => {
  test.each([
    { when: 'nothing', bytes: Buffer.alloc(0), want: { kind: 'more' } },
    { when: 'half a frame', bytes: settings.subarray(0, 5), want: { kind: 'more' } },
    { when: 'settings only', bytes: settings, want: { kind: 'more' } },
    { when: 'settings twice', bytes: Buffer.concat([settings, acknowledged]), want: { kind: 'http2' } },
    { when: 'a send-off', bytes: sendOff('no certificate'), want: { kind: 'http2', sentOff: 'no certificate' } },
    { when: 'half a send-off', bytes: sendOff('no certificate').subarray(0, 30), want: { kind: 'more' } },
    { when: 'another goodbye', bytes: Buffer.concat([settings, goaway(0)]), want: { kind: 'http2' } },
    { when: 'a goodbye that is too short', bytes: Buffer.concat([settings, goaway(12, 4)]), want: { kind: 'http2' } },
    { when: 'a forged line', bytes: sendOff('a\nb'), want: { kind: 'http2', sentOff: 'a\\x0ab' } },
    { when: 'HTTP/1', bytes: Buffer.from('HTTP/1.1 400 Bad Request'), want: { kind: 'other' } },
    { when: 'a TLS alert', bytes: Buffer.from([0x15, 3, 1, 0, 2, 2, 70]), want: { kind: 'other' } },
  ])('$when → $want', ({ bytes, want }) => {
    expect(readGreeting(bytes)).toEqual(want);
  });

  test('a reason of any length is cut to what is read', () => {
    const greeting = readGreeting(sendOff('x'.repeat(10_000)));
    expect(greeting).toMatchObject({ kind: 'http2', sentOff: expect.stringMatching(/^x{4095}…?$/) });
  });
});
