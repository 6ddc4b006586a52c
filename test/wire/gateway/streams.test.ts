/** generate_stream: first token at once, errors as events, who goes away, who stops reading, who falls silent. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, endless, event, type FakeCall, FINAL, fakePredictor, gateway, open, token } from './fixture.ts';

const STREAM = '/v2/models/m/generate_stream';
const BODY = JSON.stringify({ text_input: 'x' });

const events = (text: string) =>
  text
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each.replace(/^data: /, '')));

/** The next bytes of a response. */
const chunk = async (response: IncomingMessage): Promise<string> => String((await once(response, 'data'))[0]);

const opened = async (port: number) => {
  const response = await open(port, STREAM, { body: BODY });
  onTestFinished(() => void response.destroy());
  return response;
};

describe('a stream', () => {
  test('asks for the empty final response, and ends when it comes', async () => {
    const seen = event<FakeCall>();
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        seen.happened(call);
        for (const text of ['a', 'b']) call.send('ModelStreamInferResponse', token(text));
        call.send('ModelStreamInferResponse', FINAL); // and the stream stays open
      },
    });
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY });
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(events(String(answer.body)).map((each) => each.text_output)).toEqual(['a', 'b']);
    expect((await seen.came).infer.parameters).toMatchObject({
      triton_enable_empty_final_response: { bool_param: true },
    });
  });

  test('gives the first token before the predictor has said the second', async () => {
    const calls = event<FakeCall>();
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        call.send('ModelStreamInferResponse', token('first'));
        calls.happened(call);
      },
    });
    const { port: http } = await gateway(port);
    const response = await opened(http);
    expect(await chunk(response)).toContain('"text_output":"first"');
    const call = await calls.came;
    call.send('ModelStreamInferResponse', token('second'));
    expect(await chunk(response)).toContain('"text_output":"second"');
    call.end();
    await once(response, 'end');
  });

  test('without a token is 200 and empty', async () => {
    const { port } = await fakePredictor({ ModelStreamInfer: (call) => call.send('ModelStreamInferResponse', FINAL) });
    const { port: http } = await gateway(port);
    expect(await ask(http, STREAM, { body: BODY })).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  });

  test.each([
    { flavour: 'mlserver', argv: ['--predictor_flavour=mlserver'], server: 'triton' },
    { flavour: 'mlserver, as it says of itself', argv: [], server: 'mlserver' },
  ])('of $flavour is bare answers that end with the status', async ({ argv, server }) => {
    const { port } = await fakePredictor({
      ServerMetadata: (call) => {
        call.send('ServerMetadataResponse', { name: server });
        call.end();
      },
      ModelStreamInfer: (call) => {
        for (const text of ['a', 'b']) call.send('ModelInferResponse', token(text).infer_response);
        call.end();
      },
    });
    const { port: http } = await gateway(port, ...argv);
    const answer = await ask(http, STREAM, { body: BODY });
    expect(events(String(answer.body)).map((each) => each.text_output)).toEqual(['a', 'b']);
  });

  test('of a server that has none is 501', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--predictor_flavour=kserve');
    expect((await ask(http, STREAM, { body: BODY })).status).toBe(501);
  });
});

describe('a stream that fails', () => {
  const failing = (before: number, how: (call: FakeCall) => void) =>
    fakePredictor({
      ModelStreamInfer: (call) => {
        for (let i = 0; i < before; i += 1) call.send('ModelStreamInferResponse', token(`t${i}`));
        how(call);
      },
    });

  test.each([
    { what: 'an error of the model', words: 'Failed to process the request(s): x', status: 500 },
    { what: 'a bad input', words: 'unexpected shape', status: 400 },
    { what: 'an unknown model', words: "Request for unknown model: 'm' is not found", status: 404 },
  ])('before its first token by $what has status $status and says it as an event', async ({ words, status }) => {
    const { port } = await failing(0, (call) => call.send('ModelStreamInferResponse', { error_message: words }));
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY });
    expect(answer.status).toBe(status);
    expect(events(String(answer.body))).toEqual([{ error: words }]);
  });

  test('after it says so as its last event, in order', async () => {
    const { port } = await failing(2, (call) => call.send('ModelStreamInferResponse', { error_message: 'no more' }));
    const { port: http } = await gateway(port);
    const answer = await ask(http, STREAM, { body: BODY });
    expect(answer.status).toBe(200);
    expect(events(String(answer.body)).map((each) => each.text_output ?? each.error)).toEqual(['t0', 't1', 'no more']);
  });

  test.each([
    { how: 'a status that is not OK', does: (call: FakeCall) => call.end(13, 'broke'), says: /broke/ },
    {
      how: 'a lost connection',
      does: (call: FakeCall) => setImmediate(() => call.stream.session?.destroy()),
      says: /closed|cut/,
    },
    { how: 'a reset', does: (call: FakeCall) => call.stream.close(2), says: /cut the call/ },
  ])('by $how within ends with one error (fault 39)', async ({ does, says }) => {
    const got = event<FakeCall>();
    const { port } = await failing(1, (call) => got.happened(call));
    const { port: http } = await gateway(port);
    const response = await opened(http);
    let text = await chunk(response);
    response.on('data', (more) => {
      text += String(more);
    });
    does(await got.came);
    await once(response, 'end');
    expect(events(text)).toEqual([
      expect.objectContaining({ text_output: 't0' }),
      { error: expect.stringMatching(says) },
    ]);
  });

  test.each([
    { tokens: 0, status: 504 },
    { tokens: 1, status: 200 },
  ])('by silence after $tokens tokens ends at the idle deadline', async ({ tokens, status }) => {
    const cancelled = event<number>();
    const { port } = await failing(
      tokens,
      ({ stream }) => void stream.once('close', () => cancelled.happened(stream.rstCode)),
    );
    const { port: http } = await gateway(port, '--stream_idle_timeout_seconds=3');
    const answer = await ask(http, STREAM, { body: BODY });
    expect(answer.status).toBe(status);
    expect(events(String(answer.body)).at(-1)).toEqual({
      error: expect.stringContaining('sent nothing within 3000 ms'),
    });
    await expect(cancelled.came).resolves.toBe(8);
  });

  test('by taking longer than the whole request may ends with 504 words', async () => {
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        const more = setInterval(() => call.send('ModelStreamInferResponse', token('t')), 20);
        call.stream.once('close', () => clearInterval(more));
      },
    });
    const { port: http } = await gateway(port, '--predictor_request_timeout_seconds=3');
    const answer = await ask(http, STREAM, { body: BODY });
    expect(events(String(answer.body)).at(-1)).toEqual({ error: expect.stringMatching(/no answer from .* within/) });
  });
});

describe('a client of a stream', () => {
  test('that goes away cancels the model (fault 39)', async () => {
    const cancelled = event<number>();
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        call.send('ModelStreamInferResponse', token('a'));
        call.stream.once('close', () => cancelled.happened(call.stream.rstCode));
      },
    });
    const { port: http } = await gateway(port);
    const response = await opened(http);
    await chunk(response);
    response.destroy();
    await expect(cancelled.came).resolves.toBe(8);
    await expect
      .poll(async () => String((await ask(http, '/metrics')).body), { timeout: 30_000 })
      .toContain('ended="gone"} 1');
  });

  test('that does not read holds the predictor back, and is cut after a while (fault 39)', async () => {
    const [held, cancelled] = [event<number>(), event()];
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        call.stream.once('close', () => cancelled.happened());
        endless(held.happened)(call);
      },
    });
    const { port: http } = await gateway(port, '--stream_idle_timeout_seconds=3');
    const response = await opened(http);
    response.pause();
    // What the kernel's two socket buffers, one window and our own few buffers hold; not what the model could say.
    expect(await held.came).toBeLessThan(50_000_000);
    await cancelled.came;
    await expect
      .poll(async () => String((await ask(http, '/metrics')).body), { timeout: 30_000 })
      .toContain('ended="late"} 1');
  });

  test('a thousand of them at once each get their own', async () => {
    const { port } = await fakePredictor({
      ModelStreamInfer: (call) => {
        const text = call.infer.raw_input_contents[0]?.subarray(4).toString() ?? '';
        for (let i = 0; i < 3; i += 1) call.send('ModelStreamInferResponse', token(`${text}-${i}`));
        call.send('ModelStreamInferResponse', FINAL);
        call.end();
      },
    });
    const { port: http } = await gateway(port, '--max_concurrent_requests=1000', '--max_queued_requests=1000');
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => ask(http, STREAM, { body: JSON.stringify({ text_input: `s${i}` }) })),
    );
    const texts = answers.map(({ body }) => events(String(body)).map((each) => each.text_output));
    expect(texts).toEqual(answers.map((_, i) => [`s${i}-0`, `s${i}-1`, `s${i}-2`]));
  }, 120_000);
});
