/** What a caller says of a stream that may go on after a break, and the request that is sent then. */
import { describe, expect, test } from 'vitest';
import type { InferRequest, InferResponse } from '../../../../src/gateway/protocol/infer.ts';
import { behind, readResume, requestAfter } from '../../../../src/gateway/stream/resume-plan.ts';

describe('readResume', () => {
  test.each([
    { headers: {}, plan: undefined },
    { headers: { 'last-event-id': '7' }, plan: undefined },
    { headers: { 'x-muster-resume': 'skip' }, plan: { how: { kind: 'skip' }, after: -1 } },
    { headers: { 'x-muster-resume': 'skip', 'last-event-id': '' }, plan: { how: { kind: 'skip' }, after: -1 } },
    { headers: { 'x-muster-resume': 'skip', 'last-event-id': '7' }, plan: { how: { kind: 'skip' }, after: 7 } },
    {
      headers: { 'x-muster-resume': 'parameter=start', 'last-event-id': '0' },
      plan: { how: { kind: 'parameter', name: 'start' }, after: 0 },
    },
  ])('$headers', ({ headers, plan }) => {
    expect(readResume(headers)).toEqual(plan);
  });

  test.each([
    { 'x-muster-resume': '' },
    { 'x-muster-resume': 'yes' },
    { 'x-muster-resume': 'parameter=' },
    { 'x-muster-resume': 'skip', 'last-event-id': '-1' },
    { 'x-muster-resume': 'skip', 'last-event-id': '1.5' },
    { 'x-muster-resume': 'skip', 'last-event-id': '9'.repeat(16) },
  ])('%j is refused', (headers) => {
    expect(() => readResume(headers)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('requestAfter', () => {
  const text = { name: 'text', datatype: 'BYTES' as const, shape: [1], data: Buffer.from('\0\0\0\0') };
  const request: InferRequest = {
    ...{ model: 'm', version: '', id: '', outputs: [] },
    parameters: { kept: 1, start: 9 },
    inputs: [text],
  };
  const inputs = [{ name: 'from', datatype: 'INT32', shape: [1] }];
  const parameter = (name: string) => ({ kind: 'parameter', name }) as const;

  test('is the same where the model answers the same, and for the beginning', () => {
    expect(requestAfter(request, { inputs }, { how: { kind: 'skip' }, last: 5 })).toBe(request);
    expect(requestAfter(request, { inputs }, { how: parameter('start'), last: -1 })).toBe(request);
  });

  test('says the last index in a parameter, in place of what was there', () => {
    const { parameters } = requestAfter(request, { inputs }, { how: parameter('start'), last: 5 });
    expect(parameters).toEqual({ kept: 1, start: 5 });
  });

  test('says it in an input where the model has one of that name', () => {
    const after = requestAfter(request, { inputs }, { how: parameter('from'), last: 258 });
    const once = requestAfter(after, { inputs }, { how: parameter('from'), last: 259 });
    for (const [given, low] of [
      [after, 2],
      [once, 3],
    ] as const)
      expect(given.inputs.map(({ name, data }) => [name, ...data])).toEqual([
        ['text', 0, 0, 0, 0],
        ['from', low, 1, 0, 0],
      ]);
  });
});

describe('behind', () => {
  const answers = [{ id: 'a' }, { id: 'b' }, { id: 'c' }] as unknown as InferResponse[];

  test.each([
    { from: 0, last: -1, indexes: [0, 1, 2] },
    { from: 0, last: 0, indexes: [1, 2] },
    { from: 3, last: 4, indexes: [5] },
    { from: 0, last: 2, indexes: [] },
    { from: 6, last: 5, indexes: [6, 7, 8] },
  ])('of three from $from on those behind $last', ({ from, last, indexes }) => {
    const fresh = behind(answers, from, last);
    expect(fresh.map(({ index }) => index)).toEqual(indexes);
    for (const { index, answer } of fresh) expect(answer).toBe(answers[index - from]);
  });
});
