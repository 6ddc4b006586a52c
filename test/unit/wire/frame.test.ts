import { describe, expect, test } from 'vitest';
import { frameHead, grpcTimeout, percentDecoded, statusOf, statusOfHttp, unframe } from '../../../src/wire/frame.ts';

describe('unframe', () => {
  test('gives back what frameHead announced', () => {
    const message = Buffer.from('some message');
    expect(unframe(Buffer.concat([frameHead(message.length), message]))).toEqual(message);
  });

  test.each([
    { when: 'nothing', bytes: [], says: /0 bytes holds no message/ },
    { when: 'half a head', bytes: [0, 0, 0], says: /3 bytes/ },
    { when: 'a compressed message', bytes: [1, 0, 0, 0, 0], says: /compressed/ },
    { when: 'a cut message', bytes: [0, 0, 0, 0, 9, 1], says: /message of 9 bytes in a reply of 6/ },
    { when: 'two messages', bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], says: /message of 0 bytes/ },
  ])('refuses $when', ({ bytes, says }) => {
    expect(unframe(Buffer.from(bytes))).toEqual({ error: expect.stringMatching(says) });
  });
});

test.each([
  { headers: {}, want: undefined },
  { headers: { 'grpc-status': 'x' }, want: undefined },
  { headers: { 'grpc-status': '0' }, want: { status: 0, message: '' } },
  {
    headers: { 'grpc-status': '5', 'grpc-message': 'no%20such%2Fthing' },
    want: { status: 5, message: 'no such/thing' },
  },
])('statusOf $headers', ({ headers, want }) => {
  expect(statusOf(headers)).toEqual(want);
});

test.each([
  { http: 404, status: 12 },
  { http: 503, status: 14 },
  { http: 401, status: 16 },
  { http: 200, status: 2 },
])('HTTP $http without grpc-status → $status', ({ http, status }) => {
  expect(statusOfHttp(http)).toMatchObject({ status });
});

test.each([
  { text: 'plain', want: 'plain' },
  { text: '%E2%82%AC', want: '€' },
  { text: '100%', want: '100%' },
  { text: '%zz%41', want: '%zzA' },
  { text: '%ff', want: '\ufffd' },
])('percentDecoded $text', ({ text, want }) => {
  expect(percentDecoded(text)).toBe(want);
});

test.each([
  { ms: 0, want: '1m' },
  { ms: 20.5, want: '21m' },
  { ms: 99_999_999, want: '99999999m' },
  { ms: 1e8, want: '100000S' },
  { ms: 1e15, want: '99999999S' },
])('grpcTimeout of $ms ms', ({ ms, want }) => {
  expect(grpcTimeout(ms)).toBe(want);
});
