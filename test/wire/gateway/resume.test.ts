/** Streams that break off and go on: without a gap, nothing twice, only where the caller allows it, and not for ever. */
import { describe, expect, test } from 'vitest';
import type { Call, InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { resumed } from '../../../src/gateway/stream/resumed.ts';
import { RETRY_BUDGET, RetryBudget } from '../../../src/gateway/upstream/retry-budget.ts';
import { type Answer, ask, type FakeCall, FINAL, fakePredictor, gateway, token } from './fixture.ts';
import { call, fakes, frontOf, request } from './several.ts';

const STREAM = '/v2/models/m/generate_stream';
const BODY = JSON.stringify({ text_input: 'x' });
const SKIP = { 'x-muster-resume': 'skip' };

/** `[id, text or error]` of each event. */
const events = ({ body }: Answer): [number | undefined, unknown][] =>
  String(body)
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => {
      const [, id, data = ''] = /^(?:id: (\d+)\n)?data: (.*)$/.exec(each) ?? [];
      const { text_output, error } = JSON.parse(data);
      return [id === undefined ? undefined : Number(id), text_output ?? error];
    });
const numbered = (from: number, to: number): [number, string][] =>
  Array.from({ length: to - from }, (_, at) => [from + at, `t${from + at}`]);

/** A model that says t0 … t9, from where it is told to, and dies after so many answers of its n-th call. */
async function dying(after: readonly number[], start = (_: FakeCall) => 0) {
  const calls: FakeCall[] = [];
  const { port } = await fakePredictor({
    ModelStreamInfer: (call) => {
      const left = after[calls.length] ?? Number.POSITIVE_INFINITY;
      calls.push(call);
      const from = start(call);
      for (let at = from; at < 10 && at - from < left; at += 1) call.send('ModelStreamInferResponse', token(`t${at}`));
      if (left === Number.POSITIVE_INFINITY) call.send('ModelStreamInferResponse', FINAL);
      else setImmediate(() => call.stream.session?.destroy());
    },
  });
  return { port, calls };
}

const metric = async (port: number, outcome: string) => {
  const text = String((await ask(port, '/metrics')).body);
  return Number(new RegExp(`stream_resumes_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
};

describe('a stream that its predictor breaks off', () => {
  test('goes on where its model answers the same again (fault 39)', async () => {
    const { port, calls } = await dying([4, 2]);
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY, headers: SKIP });
    expect(events(answer)).toEqual(numbered(0, 10));
    expect(calls).toHaveLength(3);
    expect(await metric(http, 'sent')).toBe(2);
  });

  test('goes on where its model is told where', async () => {
    const seen: unknown[] = [];
    const { port } = await dying([4, 3], ({ infer }) => {
      const after = infer.parameters.behind as { int64_param?: number } | undefined;
      seen.push(after?.int64_param);
      return after === undefined ? 0 : Number(after.int64_param) + 1;
    });
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY, headers: { 'x-muster-resume': 'parameter=behind' } });
    expect(events(answer)).toEqual(numbered(0, 10));
    expect(seen).toEqual([undefined, 3, 6]);
  });

  test('ends with one error where its caller does not allow it, and has no ids', async () => {
    const { port, calls } = await dying([4]);
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY });
    expect(events(answer)).toEqual([
      ...numbered(0, 4).map(([, text]) => [undefined, text]),
      [undefined, expect.stringMatching(/closed|cut/)],
    ]);
    expect(String(answer.body)).not.toContain('id:');
    expect(calls).toHaveLength(1);
  });

  test('is not asked for again when the model itself said no', async () => {
    let calls = 0;
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        calls += 1;
        call.send('ModelStreamInferResponse', token('t0'));
        call.send('ModelStreamInferResponse', { error_message: 'no more' });
      },
    });
    const { port: http } = await gateway(port);
    expect(events(await ask(http, STREAM, { body: BODY, headers: SKIP }))).toEqual([
      [0, 't0'],
      [undefined, 'no more'],
    ]);
    expect(calls).toBe(1);
  });

  test('says so when the model gives less than it gave before', async () => {
    let calls = 0;
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        calls += 1;
        for (let at = 0; at < (calls === 1 ? 5 : 2); at += 1) call.send('ModelStreamInferResponse', token(`t${at}`));
        if (calls === 1) setImmediate(() => call.stream.session?.destroy());
        else call.send('ModelStreamInferResponse', FINAL);
      },
    });
    const { port: http } = await gateway(port);
    const all = events(await ask(http, STREAM, { body: BODY, headers: SKIP }));
    expect(all.at(-1)).toEqual([undefined, 'the stream cannot go on behind 4: it ended after 2 answers this time']);
    expect(all.slice(0, -1)).toEqual(numbered(0, 5));
  });
});

describe('a client that comes back', () => {
  test.each([
    { id: 6, rest: numbered(7, 10) },
    { id: 9, rest: [] },
  ])('with Last-Event-ID $id has the rest', async ({ id, rest }) => {
    const { port } = await dying([]);
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY, headers: { ...SKIP, 'last-event-id': String(id) } });
    expect(events(answer)).toEqual(rest);
    expect(await metric(http, 'reconnected')).toBe(1);
  });

  test('is told when there is no such event, and what it may say', async () => {
    const { port } = await dying([]);
    const { port: http } = await gateway(port);
    const late = await ask(http, STREAM, { body: BODY, headers: { ...SKIP, 'last-event-id': '10' } });
    expect(events(late)).toEqual([[undefined, expect.stringContaining('it ended after 10 answers this time')]]);
    const odd = await ask(http, STREAM, { body: BODY, headers: { 'x-muster-resume': 'please' } });
    expect([odd.status, odd.json.error]).toEqual([400, expect.stringContaining('not skip or parameter=NAME')]);
  });
});

test('a request of a sequence cannot be sent again', async () => {
  const { port } = await dying([]);
  const { port: http } = await gateway(port);
  const answer = await ask(http, STREAM, { body: JSON.stringify({ text_input: 'x', sequence_id: 7 }), headers: SKIP });
  expect([answer.status, answer.json.error]).toEqual([400, expect.stringContaining('of a sequence')]);
});

test('of several addresses another one goes on', async () => {
  const several = await fakes(2);
  const front = await frontOf(several);
  for (const each of several) await front.state(each, 'closed');
  let died = 0;
  for (const each of several)
    each.does = (asked) => {
      const count = died === 0 ? 3 : 6;
      for (let at = 0; at < count; at += 1) asked.send('ModelStreamInferResponse', token(`t${at}`));
      if (died > 0) asked.send('ModelStreamInferResponse', FINAL);
      else setImmediate(() => asked.stream.session?.destroy());
      died += 1;
    };
  const parts = {
    ...{ request: request(), metadata: { inputs: [] }, meter: () => {}, firstPauseMs: 1 },
    plan: { how: { kind: 'skip' as const }, after: -1 },
    open: (given: InferRequest, how: Call) => front.predictor.stream(given, how),
    budget: new RetryBudget(RETRY_BUDGET),
  };
  const indexes: number[] = [];
  for await (const batch of resumed(parts, call())) indexes.push(...batch.map(({ index }) => index));
  expect(indexes).toEqual([0, 1, 2, 3, 4, 5]);
  expect(several.map(({ infers }) => infers.length)).toEqual([1, 1]);
});
