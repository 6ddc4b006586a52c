/** The hook `explain`: asks the predictor behind it, within the bounds of its request. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import type { Call, InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { jsonReply } from '../../../src/gateway/protocol/reply.ts';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import type { Transforms } from '../../../src/gateway/transform/open.ts';
import { event } from './fixture.ts';
import { answered, call, ENOUGH, hooks, moduleNamed, openRow, TEXT_MODEL, words } from './transform-row.ts';

const explained = async ({ explain }: Transforms, request: InferRequest, how = call()): Promise<unknown> => {
  const { parts } = await explain!(request, how);
  return JSON.parse(parts.join(''));
};

const EXPLAINS = [moduleNamed('explains.mjs')];

test('gets what preprocess made, asks the model, and answers with JSON', async () => {
  const row = await openRow({ transforms: EXPLAINS });
  expect(await explained(row, words('echo', 'this'))).toEqual({
    explanations: ['ECHO', 'THIS'],
    big: Number(2n ** 60n),
  });
  expect(hooks).toEqual(['explains.mjs preprocess', 'explains.mjs explain']);
});

test('the row before it makes its request, the row behind it its answers', async () => {
  const transforms = ['explains.mjs', 'only-explains.mjs', 'shout.mjs'].map(moduleNamed);
  const [first, ...behind] = transforms;
  const row = await openRow({ transforms: behind });
  expect(await explained(row, words('this'))).toEqual({ got: ['this'], answered: ['OTHER'], behind: ['text'] });
  // Of several the first one explains.
  const all = await openRow({ transforms: [first!, ...behind] });
  expect(await explained(all, words('echo'))).toMatchObject({ explanations: ['ECHO'] });
});

test('without a hook the predictor explains what the row made of the request, or nobody does', async () => {
  const transforms = [moduleNamed('negate.mjs'), moduleNamed('shout.mjs')];
  const explain = async ({ inputs }: InferRequest) => jsonReply(200, { got: valuesOf(inputs[0]!) });
  expect(await explained(await openRow({ transforms, explain }), words('this'))).toEqual({ got: ['THIS'] });
  expect((await openRow({ transforms })).explain).toBeUndefined();
});

test('so many calls at once, the others wait', async () => {
  const AT_ONCE = 4;
  let most = 0;
  const running: (() => void)[] = [];
  // Nobody is answered before so many are here; who came beyond them would be seen.
  const answer = async ({ inputs }: InferRequest) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    most = Math.max(most, running.push(resolve));
    if (running.length === AT_ONCE) setTimeout(() => running.splice(0).forEach((go) => void go()), 20);
    await promise;
    return inputs;
  };
  const row = await openRow({ transforms: EXPLAINS, model: { ...TEXT_MODEL, answer } });
  expect(await explained(row, words('many', '20'))).toEqual({ asked: 20 });
  expect(most).toBe(AT_ONCE);
});

describe('what goes wrong', () => {
  test.each([
    { word: 'many', more: '101', status: 500, says: /may ask the predictor 100 times \(--explain_max_calls\)$/ },
    { word: 'nothing', status: 500, says: /^transform "explains.mjs", explain: the hook returned no object/ },
    { word: 'spoil', status: 500, says: /infer takes a request with "inputs"$/ },
    { word: 'loop', status: 504, says: /^transform "explains.mjs", explain did not end within 5000 ms$/ },
  ])('$word', async ({ word, more = '', status, says }) => {
    const row = await openRow({ transforms: EXPLAINS, ...(status === 504 ? { deadlineMs: 5_000 } : {}) });
    await expect(row.explain!(words(word, more), call())).rejects.toMatchObject({
      status,
      message: expect.stringMatching(says),
    });
    expect(await explained(row, words('echo'))).toMatchObject({ explanations: ['ECHO'] });
  });

  test('a failure of the predictor stays what it is, and the hook may catch it', async () => {
    const answer = () => Promise.reject(new Failure(503, 'the model is away'));
    const row = await openRow({ transforms: EXPLAINS, model: { ...TEXT_MODEL, answer } });
    await expect(row.explain!(words('echo'), call())).rejects.toMatchObject({
      status: 503,
      message: 'transform "explains.mjs", explain: the model is away',
    });
    expect(await explained(row, words('catch'))).toEqual({ status: 503, message: 'the model is away' });
  });
});

/** A model that tells of each call and never answers. */
function silent() {
  const { came, happened } = event<Call>();
  const answer = (_request: InferRequest, how: Call) => {
    happened(how);
    return new Promise<never>(() => {});
  };
  return { came, model: { ...TEXT_MODEL, answer } };
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

test('calls have the deadline and the headers of the request, and are cancelled when its client goes', async () => {
  const { came, model } = silent();
  const row = await openRow({ transforms: EXPLAINS, model });
  const gone = new AbortController();
  const how = { ...call(ENOUGH, gone.signal), headers: { authorization: 'Bearer one' } };
  const asked = row.explain!(words('echo'), how).catch((failure: Failure) => failure.status);
  const at = await came;
  expect([at.deadlineAt, at.headers]).toEqual([how.deadlineAt, how.headers]);
  gone.abort();
  expect(await asked).toBe(499);
  await aborted(at.signal);
});

test('what a hook leaves behind is cancelled when it ends', async () => {
  const { came, model } = silent();
  const row = await openRow({ transforms: EXPLAINS, model });
  expect(await explained(row, words('leave'))).toEqual({});
  await aborted((await came).signal);
});

test('predictions go on while all explanations wait for the model', async () => {
  const { came, happened } = event();
  const { came: letGo, happened: go } = event();
  const answer = async ({ inputs, parameters }: InferRequest) => {
    if (parameters.slow) {
      happened();
      await letGo;
    }
    return inputs;
  };
  const row = await openRow({ transforms: EXPLAINS, model: { ...TEXT_MODEL, answer } });
  const slow = explained(row, { ...words('echo'), parameters: { slow: true } });
  await came;
  expect(await answered(row.predictor, words('next'))).toEqual({ IN: ['NEXT'] });
  go();
  expect(await slow).toMatchObject({ explanations: ['ECHO'] });
});
