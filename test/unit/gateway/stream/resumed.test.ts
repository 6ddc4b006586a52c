/** How often a stream is asked for again, where, and when not. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import type { Call, InferRequest, InferResponse } from '../../../../src/gateway/protocol/infer.ts';
import { resumed } from '../../../../src/gateway/stream/resumed.ts';
import type { TriedCall } from '../../../../src/gateway/upstream/endpoints/balanced.ts';
import { RetryBudget } from '../../../../src/gateway/upstream/retry-budget.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';

const request: InferRequest = { model: 'm', version: '', id: '', parameters: {}, inputs: [], outputs: [] };
const answer = (id: number) => ({ ...request, id: String(id), outputs: [] }) as InferResponse;
const cut = () => new Failure(502, 'cut', { cause: new WireError('http2', 'reset', 'cut') });
const call = (more: Partial<Call> = {}): Call => ({
  deadlineAt: performance.now() + 60_000,
  signal: new AbortController().signal,
  headers: {},
  ...more,
});

/** A predictor whose n-th stream says so many answers, and then fails or ends. */
function predictor(...streams: readonly (readonly [count: number, failure?: Failure])[]) {
  const calls: TriedCall[] = [];
  async function* open(_: InferRequest, how: TriedCall): AsyncGenerator<readonly InferResponse[]> {
    const [count, failure] = streams[calls.length] ?? [0, cut()];
    calls.push(how);
    for (let at = 0; at < count; at += 1) yield [answer(at)];
    if (failure) throw failure;
  }
  return { open, calls };
}

async function all(
  open: ReturnType<typeof predictor>['open'],
  { floor = 100, call: how = call() }: { floor?: number; call?: Call } = {},
) {
  const told: string[] = [];
  const indexes: number[] = [];
  const options = {
    ...{ request, metadata: { inputs: [] }, open, firstPauseMs: 1 },
    plan: { how: { kind: 'skip' as const }, after: -1 },
    budget: new RetryBudget({ share: 0, floor, windowMs: 60_000 }),
    meter: (outcome: string) => void told.push(outcome),
  };
  let failure: unknown;
  try {
    for await (const batch of resumed(options, how)) indexes.push(...batch.map(({ index }) => index));
  } catch (error) {
    failure = error;
  }
  return { indexes, told, failure };
}

describe('a stream that breaks off', () => {
  test('is asked for again, at addresses that were not met yet', async () => {
    const { open, calls } = predictor([2, cut()], [3, cut()], [1, cut()], [4]);
    expect(await all(open)).toEqual({ indexes: [0, 1, 2, 3], told: ['sent', 'sent', 'sent'], failure: undefined });
    expect(new Set(calls.map(({ tried }) => tried)).size).toBe(1);
    expect(calls[0]?.tried).toBeInstanceOf(Set);
  });

  test('is asked for seven times at most', async () => {
    const { open, calls } = predictor([1, cut()]);
    const { indexes, failure } = await all(open);
    expect([indexes, failure, calls.length]).toEqual([[0], expect.objectContaining({ message: 'cut' }), 7]);
  });

  test('is asked for as often as the budget pays for', async () => {
    const { open, calls } = predictor([1, cut()]);
    const { told, failure } = await all(open, { floor: 2 });
    expect([told, failure, calls.length]).toEqual([['sent', 'sent', 'refused'], expect.any(Failure), 3]);
  });

  test.each([
    { what: 'the model said no', failure: new Failure(500, 'no') },
    {
      what: 'its time was over',
      failure: new Failure(504, 'late', { cause: new WireError('http2', 'deadline', 'late') }),
    },
    {
      what: 'its client has gone',
      failure: new Failure(499, 'gone', { cause: new WireError('http2', 'cancelled', 'gone') }),
    },
  ])('is not asked for again when $what', async ({ failure }) => {
    const { open, calls } = predictor([1, failure]);
    expect(await all(open)).toEqual({ indexes: [0], told: [], failure });
    expect(calls).toHaveLength(1);
  });

  test('is not asked for again when there is no time for it', async () => {
    const { open, calls } = predictor([1, cut()]);
    await all(open, { call: call({ deadlineAt: performance.now() }) });
    expect(calls).toHaveLength(1);
  });

  test('is not asked for again once its client has gone', async () => {
    const { open, calls } = predictor([1, cut()]);
    await all(open, { call: call({ signal: AbortSignal.abort() }) });
    expect(calls).toHaveLength(1);
  });
});
