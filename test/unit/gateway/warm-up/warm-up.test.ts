import { expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import { Readiness } from '../../../../src/gateway/ops/readiness.ts';
import type { InferRequest, Predictor } from '../../../../src/gateway/protocol/infer.ts';
import { documentRequest } from '../../../../src/gateway/protocol/v1.ts';
import { readWarmUp } from '../../../../src/gateway/warm-up/read.ts';
import { warmUp } from '../../../../src/gateway/warm-up/warm-up.ts';

const LINES = '{"inputs":[{"name":"IN","datatype":"INT8","shape":[1],"data":[7]}]}\n{"instances":[3]}';
const { requests } = readWarmUp(LINES, 'f', { model: 'm', openAi: false });

function scene(infer: (request: InferRequest) => Promise<unknown>, passesV1 = false) {
  const lines: string[] = [];
  const log = { info: (text: string) => lines.push(text), warn: (text: string) => lines.push(text) } as never;
  const predictor = {
    name: 'p',
    // As over a network: never before the caller has gone on.
    infer: (request: InferRequest) => Promise.resolve(request).then(infer),
    modelReady: async () => true,
    modelMetadata: async () => ({
      name: 'm',
      versions: [],
      platform: '',
      inputs: [{ name: 'IN', datatype: 'INT8', shape: [-1] }],
      outputs: [],
    }),
  } as unknown as Predictor;
  const readiness = new Readiness(predictor, ['m'], () => performance.now());
  readiness.hold('warming up');
  const closing = new AbortController();
  const tell = (why: string | undefined) => readiness.hold(why);
  const done = warmUp({ predictor, requests, passesV1, deadlineMs: 60_000, log, tell, signal: closing.signal });
  return { lines, readiness, closing, done };
}

test('sends what clients would, in order, and is ready after the last answer', async () => {
  const sent: number[] = [];
  const { readiness, done, lines } = scene(async ({ inputs }) => {
    expect((await readiness.gateway()).ready).toBe(false);
    sent.push(inputs[0]!.data[0]!);
  });
  await done;
  expect(sent).toEqual([7, 3]);
  expect(await readiness.gateway()).toEqual({ ready: true, why: '' });
  expect(lines.at(-1)).toMatch(/^warmed up: 2 requests in \d/);
});

test('a model that is not there yet is asked until it is, and the probe says which request waits', async () => {
  let tries = 0;
  const { readiness, done, lines } = scene(async () => {
    tries += 1;
    if (tries === 2) expect((await readiness.gateway()).why).toBe('warm-up request of line 1 to "m": still loading');
    if (tries < 3) throw new Failure(503, 'still loading');
  });
  await done;
  expect(tries).toBe(4);
  expect(lines.filter((line) => line.includes('still loading'))).toHaveLength(1);
});

test('V1 bodies go as they are where the predictor speaks V1', async () => {
  const sent: InferRequest[] = [];
  const { done } = scene(async (request) => void sent.push(request), true);
  await done;
  expect(sent[1]).toEqual(documentRequest('m', { verb: 'predict', body: Buffer.from('{"instances":[3]}') }));
});

test('ends when the gateway closes', async () => {
  const { done, closing } = scene(async () => {
    closing.abort(new Error('closing'));
    throw new Failure(503, 'still loading');
  });
  await expect(done).rejects.toThrow('closing');
});
