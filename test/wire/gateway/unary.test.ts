/** One request, one answer: what the predictor gets, what its failures become, who is turned away. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { freePort, tcpServer } from '../support/servers.ts';
import { ask, BODY, event, type FakeCall, fakePredictor, gateway, INFER, INT8, open } from './fixture.ts';

describe('a request', () => {
  test('reaches the predictor as raw bytes, and comes back as it was asked for', async () => {
    const seen = event<FakeCall>();
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        seen.happened(call);
        call.send('ModelInferResponse', INT8([1, -1]));
        call.end();
      },
    });
    const { port: http } = await gateway(port);
    const answer = await ask(http, INFER, { body: JSON.stringify({ id: '7', ...JSON.parse(BODY) }) });
    expect(answer.json).toMatchObject({
      model_name: 'm',
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], data: [1, -1] }],
    });
    const { infer } = await seen.came;
    expect(infer).toMatchObject({ model_name: 'm', id: '7', raw_input_contents: [Buffer.from([1, 2])] });
  });

  test('carries its deadline, the shorter of ours and the client’s, and only headers of the list', async () => {
    const seen: FakeCall[] = [];
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        seen.push(call);
        call.send('ModelInferResponse', INT8([1]));
        call.end();
      },
    });
    const { port: http } = await gateway(port, '--predictor_request_timeout_seconds=100');
    const headers = {
      authorization: 'Bearer t',
      traceparent: '00-a-b-01',
      cookie: 'c=1',
      'x-custom': 'x',
      'inference-header-content-length': String(BODY.length),
    };
    await ask(http, INFER, { body: BODY, headers });
    await ask(http, INFER, { body: BODY, headers: { 'x-envoy-expected-rq-timeout-ms': '5000' } });
    const timeouts = seen.map((call) => Number(/^(\d+)m$/.exec(call.headers['grpc-timeout'] ?? '')?.[1]));
    expect(timeouts[0]).toBeGreaterThan(30_000);
    expect(timeouts[0]).toBeLessThanOrEqual(100_000);
    expect(timeouts[1]).toBeLessThanOrEqual(5_000);
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer t', traceparent: '00-a-b-01' });
    expect(Object.keys(seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
    expect(seen[0]?.headers['x-custom']).toBeUndefined();
    expect(seen[0]?.headers['inference-header-content-length']).toBeUndefined();
  });

  test('may be gzip', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port);
    const answer = await ask(http, INFER, { body: gzipSync(BODY), headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(200);
  });

  test('a client that goes away cancels its call (fault 39)', async () => {
    const [reached, cancelled] = [event(), event<number>()];
    const { port } = await fakePredictor({
      ModelInfer: ({ stream }) => {
        reached.happened();
        stream.once('close', () => cancelled.happened(stream.rstCode));
      },
    });
    const { port: http } = await gateway(port);
    const gone = new AbortController();
    const asked = ask(http, INFER, { body: BODY, signal: gone.signal });
    await reached.came;
    gone.abort();
    await expect(asked).rejects.toThrow();
    await expect(cancelled.came).resolves.toBe(8); // CANCEL
  });
});

describe('a predictor that fails', () => {
  test.each([
    { grpc: 3, http: 400 },
    { grpc: 5, http: 404 },
    { grpc: 8, http: 429 },
    { grpc: 12, http: 501 },
    { grpc: 13, http: 500 },
    { grpc: 14, http: 503 },
    { grpc: 4, http: 504 },
    { grpc: 16, http: 401 },
    { grpc: 7, http: 403 },
  ])('by gRPC status $grpc is HTTP $http, with its words (fault 39)', async ({ grpc, http: want }) => {
    const { port } = await fakePredictor({ ModelInfer: (call) => call.end(grpc, 'its words') });
    const { port: http } = await gateway(port);
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer).toMatchObject({ status: want, json: { error: 'its words' } });
  });

  test('by silence is 504 at the deadline, and the call is cancelled (fault 39)', async () => {
    const cancelled = event<number>();
    const { port } = await fakePredictor({
      ModelInfer: ({ stream }) => void stream.once('close', () => cancelled.happened(stream.rstCode)),
    });
    const { port: http } = await gateway(port, '--predictor_request_timeout_seconds=3');
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer).toMatchObject({ status: 504, json: { error: expect.stringMatching(/no answer from .* within/) } });
    await expect(cancelled.came).resolves.toBe(8);
  });

  test('by a port that takes the connection and says nothing is 504', async () => {
    const { port: http } = await gateway(await tcpServer(), '--predictor_request_timeout_seconds=3');
    expect((await ask(http, INFER, { body: BODY })).status).toBe(504);
  });

  test('by not being there is 503 with Retry-After (fault 39)', async () => {
    const { port: http } = await gateway(await freePort());
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      json: { error: expect.stringContaining('nobody listens') },
    });
  });

  test.each([
    {
      how: 'a connection cut within the answer',
      does: (call: FakeCall) => call.head().stream.session?.destroy(),
      says: /closed|cut/,
    },
    {
      how: 'bytes that do not fit the shape',
      does: (call: FakeCall) => {
        call.send('ModelInferResponse', { ...INT8([1]), outputs: [{ name: 'OUT', datatype: 'FP32', shape: [2] }] });
        call.end();
      },
      says: /"OUT" has 1 bytes, but FP32 of shape \[2\] takes 8/,
    },
    { how: 'no message', does: (call: FakeCall) => call.end(0), says: /without a whole message/ },
    {
      how: 'a message over --max_reply_bytes',
      does: (call: FakeCall) => {
        call.send('ModelInferResponse', INT8(Array(2_000).fill(1)));
        call.end();
      },
      says: /over the limit of 1000/,
    },
  ])('by $how is 502 (fault 39)', async ({ does, says }) => {
    const { port } = await fakePredictor({ ModelInfer: does });
    const { port: http } = await gateway(port, '--max_reply_bytes=1000');
    const answer = await ask(http, INFER, { body: BODY });
    expect(answer).toMatchObject({ status: 502, json: { error: expect.stringMatching(says) } });
  });

  test('a GOAWAY costs no request: the next one dials anew (fault 39)', async () => {
    const { port, server } = await fakePredictor();
    const sessions: { goaway(): void }[] = [];
    server.on('session', (session) => sessions.push(session));
    const { port: http } = await gateway(port);
    expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
    sessions[0]?.goaway();
    expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
    expect((await ask(http, INFER, { body: BODY })).status).toBe(200);
    expect(sessions).toHaveLength(2);
  });
});

describe('who is turned away', () => {
  test('at most so many run and wait; the next gets 429 at once, and the others their answers (fault 39)', async () => {
    const calls: FakeCall[] = [];
    const two = event();
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        calls.push(call);
        if (calls.length === 2) two.happened();
      },
    });
    const { port: http } = await gateway(port, '--max_concurrent_requests=2', '--max_queued_requests=1');
    const running = [ask(http, INFER, { body: BODY }), ask(http, INFER, { body: BODY })];
    await two.came;
    const third = ask(http, INFER, { body: BODY });
    await expect
      .poll(async () => String((await ask(http, '/metrics')).body), { timeout: 30_000 })
      .toContain('muster_gateway_requests_queued 1');
    const turned = await ask(http, INFER, { body: BODY });
    expect(turned).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    const answered = (call: FakeCall) => {
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    };
    calls.forEach(answered);
    await expect.poll(() => calls.length, { timeout: 30_000 }).toBe(3);
    answered(calls[2]!);
    expect((await Promise.all([...running, third])).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test.each([
    { when: 'its length is announced', headers: { 'content-length': '2000' } },
    { when: 'it comes in chunks', headers: { 'transfer-encoding': 'chunked' } },
  ])('a body over --max_body_bytes is 413 when $when (fault 39)', async ({ headers }) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--max_body_bytes=1000');
    const answer = await ask(http, INFER, { body: 'x'.repeat(2_000), headers });
    expect(answer).toMatchObject({ status: 413, json: { error: expect.stringContaining('--max_body_bytes') } });
  });

  test('a small gzip that becomes a large body is 413, and never unpacked beyond', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--max_body_bytes=100000');
    const body = gzipSync(Buffer.alloc(10_000_000));
    expect((await ask(http, INFER, { body, headers: { 'content-encoding': 'gzip' } })).status).toBe(413);
    expect((await ask(http, INFER, { body: 'no gzip', headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
    expect((await ask(http, INFER, { body, headers: { 'content-encoding': 'br' } })).status).toBe(415);
  });

  test('a model that is not named is 404 before anything is read', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--model_name=a,b');
    expect(await ask(http, INFER, { body: BODY })).toMatchObject({
      status: 404,
      json: { error: 'model "m" is not served here; there is a, b' },
    });
    expect((await ask(http, '/v2/models/a/infer', { body: BODY })).status).toBe(200);
  });

  test.each([
    { path: '/v2/models/m', method: 'POST' },
    { path: '/nope', method: 'GET' },
    { path: '/v1/models/m:bogus', method: 'POST' },
    { path: '/v1/models/m', method: 'POST' },
  ])('$method $path is 404', async ({ path, method }) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port);
    expect((await ask(http, path, { method, body: '{}' })).status).toBe(404);
  });

  test.each(['index', 'models/m/load', 'models/m/unload'])('models are not loaded through it: %s', async (what) => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port);
    const { status, body } = await ask(http, `/v2/repository/${what}`, { body: '{}' });
    expect([status, String(body)]).toEqual([501, expect.stringContaining('at the predictor itself')]);
  });

  test('explain is 501 and says why', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port);
    expect((await ask(http, '/v1/models/m:explain', { body: '{}' })).status).toBe(501);
  });

  test('nothing of a client becomes a label until a model of that name has answered', async () => {
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        const known = call.infer.model_name === 'm';
        if (known) call.send('ModelInferResponse', INT8([1]));
        call.end(known ? 0 : 5, 'unknown');
      },
    });
    const { port: http } = await gateway(port);
    await ask(http, '/v2/models/made-up/infer', { body: BODY });
    await ask(http, INFER, { body: BODY });
    await ask(http, INFER, { body: BODY });
    const text = String((await ask(http, '/metrics')).body);
    expect(text).not.toContain('made-up');
    expect(text).toContain('request_predict_seconds_count{model_name="m"}');
    for (const name of ['preprocess', 'postprocess', 'predict', 'explain'])
      expect(text).toContain(`# TYPE request_${name}_seconds histogram`);
    expect(text).toContain('muster_gateway_requests_total{api="v2",model_name="other",code="404"} 1');
  });
});

test('HEAD has no body, and a large answer comes whole', async () => {
  const { port } = await fakePredictor({
    ModelInfer: (call) => {
      call.send('ModelInferResponse', INT8(Array(3_000_000).fill(7)));
      call.end();
    },
  });
  const { port: http } = await gateway(port);
  const head = await open(http, '/v2/health/live', { method: 'HEAD' });
  expect(head.statusCode).toBe(200);
  head.resume();
  const binary = JSON.stringify({ ...JSON.parse(BODY), parameters: { binary_data_output: true } });
  const answer = await ask(http, INFER, { body: binary });
  const jsonBytes = Number(answer.headers['inference-header-content-length']);
  expect(answer.body.length - jsonBytes).toBe(3_000_000);
  expect(answer.body.subarray(jsonBytes).every((each) => each === 7)).toBe(true);
});
