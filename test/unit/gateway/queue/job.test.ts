/** What a job is, who may see it, what is said of it. */
import { describe, expect, test } from 'vitest';
import {
  callerOf,
  describeJob,
  fingerprintOf,
  type JobRequest,
  type JobState,
  keepReply,
  keptHeaders,
  pauseMs,
  preferenceOf,
  replyOf,
  worthAnotherTry,
} from '../../../../src/gateway/queue/job.ts';

describe('preferenceOf', () => {
  test.each([
    { header: undefined, async: false, waitSeconds: 0 },
    { header: 'respond-async', async: true, waitSeconds: 0 },
    { header: 'Respond-Async, wait=10', async: true, waitSeconds: 10 },
    { header: 'return=minimal; foo="a", respond-async; x=1, wait = "7"', async: true, waitSeconds: 7 },
    { header: 'wait=10', async: false, waitSeconds: 10 },
    { header: 'not-respond-async, wait=-1', async: false, waitSeconds: 0 },
  ])('$header', ({ header, ...preference }) => {
    expect(preferenceOf(header)).toEqual(preference);
  });
});

describe('callerOf', () => {
  const forward = ['authorization', 'x-tenant', 'traceparent', 'x-request-id', 'x-muster-variant'];
  const caller = (headers: Record<string, string>) => callerOf(headers, forward);

  test('is told by the headers that are forwarded, whatever their order', () => {
    expect(caller({ authorization: 'a', 'x-tenant': 'b' })).toBe(caller({ 'x-tenant': 'b', authorization: 'a' }));
    const all = [
      {},
      { authorization: 'a' },
      { authorization: 'b' },
      { 'x-tenant': 'a' },
      { authorization: 'a', 'x-tenant': '' },
    ];
    expect(new Set(all.map((each) => caller(each as Record<string, string>))).size).toBe(all.length);
  });

  test('is not told by what is not forwarded, traces, or wishes for a variant', () => {
    const others = { cookie: 'c', traceparent: 't', 'x-request-id': 'r', 'x-muster-variant': 'canary' };
    expect(caller({ authorization: 'a', ...others })).toBe(caller({ authorization: 'a' }));
  });
});

test('of the headers those are kept that the work looks at', () => {
  const headers = { authorization: 'a', cookie: 'c', 'inference-header-content-length': '5', 'x-empty': '' };
  expect(keptHeaders(headers, ['authorization', 'x-empty', 'x-none'])).toEqual({
    authorization: 'a',
    'inference-header-content-length': '5',
  });
});

test('two requests have one fingerprint only when they ask the same', () => {
  const request: JobRequest = { api: 'v2', asked: { model: 'm', version: '' }, headers: {}, body: Buffer.from('ab') };
  const prints = [
    request,
    { ...request, api: 'v1' as const },
    { ...request, asked: { model: 'm', version: '1' } },
    { ...request, body: Buffer.from('a') },
    { ...request, headers: { 'inference-header-content-length': '1' } },
  ].map(fingerprintOf);
  expect(new Set(prints).size).toBe(prints.length);
  expect(fingerprintOf({ ...request, headers: { authorization: 'other' } })).toBe(prints[0]);
});

describe('describeJob', () => {
  const state: JobState = {
    ...{ id: 'j', status: 'queued', model: 'm', caller: 'secret', attempts: 0, submitted: 0, begun: undefined },
    ...{ finished: undefined, ahead: 3, callback: undefined, callbackState: undefined, callbackAttempts: 0 },
  };
  const told = (more: Partial<JobState>) => JSON.parse(JSON.stringify(describeJob({ ...state, ...more })));

  test('says its place while it waits, and not who asked', () => {
    expect(told({})).toEqual({
      ...{ id: 'j', status: 'queued', model_name: 'm', attempts: 0, position: 4 },
      submitted: '1970-01-01T00:00:00.000Z',
    });
  });

  test('says when it was begun and over, and what came of its callback', () => {
    const callback = { callback: 'http://h/', callbackState: 'delivered', callbackAttempts: 2 };
    expect(told({ status: 'done', attempts: 1, begun: 1_000, finished: 2_000, ...callback })).toEqual({
      ...{ id: 'j', status: 'done', model_name: 'm', attempts: 1, submitted: '1970-01-01T00:00:00.000Z' },
      ...{ started: '1970-01-01T00:00:01.000Z', finished: '1970-01-01T00:00:02.000Z' },
      callback: { url: 'http://h/', status: 'delivered', attempts: 2 },
    });
  });
});

test.each([
  [200, false],
  [400, false],
  [429, true],
  [500, false],
  [502, true],
  [503, true],
  [504, false],
  [507, false],
])('status %i is worth another try: %s', (status, worth) => {
  expect(worthAnotherTry(status)).toBe(worth);
});

test('tries are apart by 1 s, 2 s, 4 s, never by more than a lease', () => {
  expect([1, 2, 3, 9].map((attempts) => pauseMs(attempts, 15_000))).toEqual([1_000, 2_000, 4_000, 15_000]);
});

test('a reply is kept with its status, headers and bytes, made part by part or not', () => {
  const head = { status: 200, type: 'application/octet-stream', headers: { a: 'b' } };
  const expected = { ...head, parts: [Buffer.from([0x7b, 0x7d, 255, 0])] };
  expect(replyOf(keepReply({ ...head, parts: ['{}', Uint8Array.of(255, 0)] }))).toEqual(expected);
  expect(replyOf(keepReply({ ...head, parts: [], rest: ['{}', Uint8Array.of(255, 0)] }))).toEqual(expected);
});
