/** What is asked again, when, and how often; the predictor is a script. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure, failureOf, failureOfStatus } from '../../../../src/gateway/failure.ts';
import type { InferRequest, InferResponse, Predictor } from '../../../../src/gateway/protocol/infer.ts';
import type { TriedCall } from '../../../../src/gateway/upstream/endpoints/balanced.ts';
import { RetryBudget } from '../../../../src/gateway/upstream/retry-budget.ts';
import { RetryingPredictor, type RetryOutcome } from '../../../../src/gateway/upstream/retrying.ts';
import { WireError, type WireLayer, type WireReason } from '../../../../src/wire/wire-error.ts';

const status = (code: number) => failureOfStatus({ status: code, message: `status ${code}` });
const wire = (layer: WireLayer, reason: WireReason) => failureOf(new WireError(layer, reason, reason), 'the predictor');

const request = (parameters: InferRequest['parameters'] = {}): InferRequest => ({
  model: 'm',
  version: '',
  id: '',
  parameters,
  inputs: [],
  outputs: [],
});
const SEQUENCE = { sequence_id: 7 };
const ANSWER: InferResponse = { model: 'm', version: '', id: '', parameters: {}, outputs: [] };

/** Fails as the script says, then answers. `answersFirst`: streams fail after their first answer. */
function scripted(script: readonly Error[], { retries = 2, floor = 100, answersFirst = false } = {}) {
  const asked: TriedCall[] = [];
  const step = (call: TriedCall): Error | undefined => {
    call.tried?.add(`address ${asked.length}`);
    asked.push(call);
    return script[asked.length - 1];
  };
  const inner = {
    name: 'scripted',
    async infer(_: InferRequest, call: TriedCall) {
      const error = step(call);
      if (error) throw error;
      return ANSWER;
    },
    async *stream(_: InferRequest, call: TriedCall) {
      const error = step(call);
      if (answersFirst || !error) yield [ANSWER];
      if (error) throw error;
    },
  } as unknown as Predictor;
  const outcomes: RetryOutcome[] = [];
  const budget = new RetryBudget({ share: 0, floor, windowMs: 10_000 });
  const predictor = new RetryingPredictor({ inner, retries, budget, meter: (each) => outcomes.push(each) });
  return { predictor, asked, outcomes };
}

const call = (deadlineMs = 60_000, signal = new AbortController().signal): TriedCall => ({
  deadlineAt: performance.now() + deadlineMs,
  signal,
  headers: {},
});

async function readAll(stream: AsyncIterable<readonly InferResponse[]>): Promise<InferResponse[]> {
  const all: InferResponse[] = [];
  for await (const batch of stream) all.push(...batch);
  return all;
}

/** How it ended, once every pause is over. */
async function settled<T>(work: Promise<T>): Promise<T | Error> {
  const done = work.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return done;
}

describe('a retrying predictor', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  test.each([
    { what: 'UNAVAILABLE', error: status(14), again: true },
    { what: 'a connection cut', error: wire('grpc', 'reset'), again: true },
    { what: 'a connection refused', error: wire('tcp', 'refused'), again: true },
    { what: 'a name without an address', error: wire('dns', 'not-found'), again: true },
    { what: 'a call that was not looked at', error: wire('http2', 'unprocessed'), again: true },
    { what: 'no connection in the kernel’s time', error: wire('tcp', 'deadline'), again: true },
    { what: 'no address to be reached', error: new Failure(503, 'no address'), again: true },
    { what: 'UNAVAILABLE, of a sequence', error: status(14), parameters: SEQUENCE, again: false },
    { what: 'a connection cut, of a sequence', error: wire('grpc', 'reset'), parameters: SEQUENCE, again: false },
    { what: 'a connection refused, of a sequence', error: wire('tcp', 'refused'), parameters: SEQUENCE, again: true },
    { what: 'INVALID_ARGUMENT', error: status(3), again: false },
    { what: 'RESOURCE_EXHAUSTED', error: status(8), again: false },
    { what: 'INTERNAL', error: status(13), again: false },
    { what: 'DEADLINE_EXCEEDED', error: status(4), again: false },
    { what: 'no answer in time', error: wire('grpc', 'deadline'), again: false },
    { what: 'a reply that is too large', error: wire('grpc', 'too-large'), again: false },
    { what: 'a malformed reply', error: wire('grpc', 'malformed'), again: false },
    { what: 'a client that went', error: wire('grpc', 'cancelled'), again: false },
    { what: 'a bug', error: new Error('bug'), again: false },
  ])('after $what: again $again, whole or streamed', async ({ error, parameters = {}, again }) => {
    const whole = scripted([error]);
    const answer = await settled(whole.predictor.infer(request(parameters), call()));
    expect(answer).toBe(again ? ANSWER : error);
    expect(whole.asked).toHaveLength(again ? 2 : 1);
    const streamed = scripted([error]);
    const answers = await settled(readAll(streamed.predictor.stream(request(parameters), call())));
    expect(answers).toEqual(again ? [ANSWER] : error);
  });

  test('asks so many times and no more; the last failure is the answer', async () => {
    const errors = [status(14), status(14), wire('grpc', 'reset'), status(14)];
    const { predictor, asked, outcomes } = scripted(errors, { retries: 2 });
    expect(await settled(predictor.infer(request(), call()))).toBe(errors[2]);
    expect([asked.length, outcomes]).toEqual([3, ['sent', 'sent']]);
  });

  test('tells the next try where the request has been', async () => {
    const { predictor, asked } = scripted([status(14), status(14)]);
    await settled(predictor.infer(request(), call()));
    expect([...(asked[2]?.tried ?? [])]).toEqual(['address 0', 'address 1', 'address 2']);
  });

  test('does not touch a stream that has given an answer', async () => {
    const error = status(14);
    const { predictor, asked } = scripted([error], { answersFirst: true });
    expect(await settled(readAll(predictor.stream(request(), call())))).toBe(error);
    expect(asked).toHaveLength(1);
  });

  test.each([
    { deadlineMs: 50, tries: 1 },
    { deadlineMs: 60_000, tries: 11 },
  ])('with $deadlineMs ms left, it tries $tries times', async ({ deadlineMs, tries }) => {
    const { predictor, asked } = scripted(Array(20).fill(status(14)), { retries: 10 });
    const from = performance.now();
    expect(await settled(predictor.infer(request(), call(deadlineMs)))).toMatchObject({ status: 503 });
    expect(asked).toHaveLength(tries);
    expect(performance.now() - from).toBeLessThan(deadlineMs);
  });

  test('is held by its budget, and says so', async () => {
    const { predictor, asked, outcomes } = scripted(Array(20).fill(status(14)), { retries: 1, floor: 3 });
    for (let at = 0; at < 5; at += 1) await settled(predictor.infer(request(), call()));
    expect(asked).toHaveLength(5 + 3);
    expect(outcomes).toEqual(['sent', 'sent', 'sent', 'refused', 'refused']);
  });

  test('a client that goes away while it pauses gets no more tries', async () => {
    const { predictor, asked } = scripted(Array(20).fill(status(14)), { retries: 10 });
    const gone = new AbortController();
    const ended = predictor.infer(request(), call(60_000, gone.signal)).catch((error) => error);
    await vi.advanceTimersByTimeAsync(0);
    gone.abort();
    expect(await settled(ended)).toMatchObject({ status: 499 });
    expect(asked).toHaveLength(1);
  });
});
