/** ModelInfer and its neighbours, as grpc-js sees them. */
import { compressionAlgorithms } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { event, type FakeCall, fakePredictor, gateway, INT8 } from './fixture.ts';
import { grpcClient, healthClient, RAW } from './grpc-client.ts';

const opened = async (handlers: Parameters<typeof fakePredictor>[0] = {}, ...argv: string[]) => {
  const { port } = await fakePredictor(handlers);
  const opened = await gateway(port, ...argv);
  return { client: grpcClient(opened.grpcPort), opened };
};

/** Nobody answers it until the test does. */
const held = () => {
  const calls = event<FakeCall>();
  return { calls, handlers: { ModelInfer: (call: FakeCall) => calls.happened(call) } };
};

describe('ModelInfer', () => {
  test('passes raw bytes on as they are, with id, version, parameters and outputs, and answers raw', async () => {
    const { calls, handlers } = held();
    const { client } = await opened(handlers);
    const { outcome } = client.begin('ModelInfer', {
      ...RAW,
      model_version: '3',
      parameters: { priority: { int64_param: 2 }, tag: { string_param: 'x' } },
      outputs: [{ name: 'OUT' }],
    });
    const call = await calls.came;
    expect(call.infer).toMatchObject({
      ...RAW,
      model_version: '3',
      parameters: { priority: { int64_param: 2 }, tag: { string_param: 'x' } },
      outputs: [{ name: 'OUT' }],
    });
    call.send('ModelInferResponse', { ...INT8([3, 4]), id: '7' });
    call.end();
    const { code, answer } = await outcome;
    expect(code).toBe(0);
    expect(answer).toMatchObject({
      model_name: 'm',
      id: '7',
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], contents: null }],
      raw_output_contents: [Buffer.from([3, 4])],
    });
  });

  test('answers typed contents in typed contents, and asks the predictor raw', async () => {
    const { calls, handlers } = held();
    const { client } = await opened(handlers);
    const inputs = [{ name: 'IN', datatype: 'INT8', shape: [2], contents: { int_contents: [1, -2] } }];
    const { outcome } = client.begin('ModelInfer', { model_name: 'm', inputs });
    const call = await calls.came;
    expect(call.infer.raw_input_contents).toEqual([Buffer.from([1, 254])]);
    call.send('ModelInferResponse', INT8([255, 4]));
    call.end();
    expect((await outcome).answer).toMatchObject({
      outputs: [{ contents: { int_contents: [-1, 4] } }],
      raw_output_contents: [],
    });
  });

  test('answers raw where an output has no typed form', async () => {
    const outputs = [{ name: 'OUT', datatype: 'FP16', shape: [1] }];
    const { client } = await opened({
      ModelInfer: (call) => {
        call.send('ModelInferResponse', { outputs, raw_output_contents: [Buffer.from([0, 60])] });
        call.end();
      },
    });
    const inputs = [{ name: 'IN', datatype: 'FP32', shape: [1], contents: { fp32_contents: [1] } }];
    const { answer } = await client.call('ModelInfer', { model_name: 'm', inputs });
    expect(answer).toMatchObject({ raw_output_contents: [Buffer.from([0, 60])] });
  });

  const input = { name: 'IN', datatype: 'INT8', shape: [2] };
  const typed = (datatype: string, contents: object) => ({ inputs: [{ ...input, datatype, contents }] });
  test.each([
    { what: 'no inputs', request: {}, says: /no inputs/ },
    {
      what: 'raw beside contents',
      request: { ...typed('INT8', { int_contents: [1, 2] }), raw_input_contents: [Buffer.from([1, 2])] },
      says: /contents beside raw_input_contents/,
    },
    {
      what: 'more raw entries than inputs',
      request: { inputs: [input], raw_input_contents: [Buffer.from([1, 2]), Buffer.from([3])] },
      says: /2 entries for 1 inputs/,
    },
    {
      what: 'fewer raw entries than inputs',
      request: { inputs: [input, { ...input, name: 'B' }], raw_input_contents: [Buffer.from([1, 2])] },
      says: /1 entries for 2 inputs/,
    },
    {
      what: 'raw bytes of another size',
      request: { inputs: [input], raw_input_contents: [Buffer.from([1])] },
      says: /has 1 bytes, but INT8 of shape \[2\] takes 2/,
    },
    {
      what: 'contents of another type',
      request: typed('INT8', { fp32_contents: [1, 2] }),
      says: /fp32_contents; int_contents/,
    },
    { what: 'too few contents', request: typed('INT8', { int_contents: [1] }), says: /takes 2/ },
    { what: 'neither', request: { inputs: [input] }, says: /has 0 bytes/ },
    {
      what: 'contents out of range',
      request: typed('INT8', { int_contents: [1, 300] }),
      says: /has 300, and INT8 holds -128 to 127/,
    },
    { what: 'FP16 as contents', request: typed('FP16', { fp32_contents: [1, 2] }), says: /raw_input_contents/ },
    { what: 'an unknown datatype', request: typed('INT9', { int_contents: [1, 2] }), says: /INT9/ },
    {
      what: 'a negative size',
      request: { inputs: [{ ...input, shape: [-1] }], raw_input_contents: [Buffer.from([1])] },
      says: /-1 in its shape/,
    },
  ])('refuses $what with INVALID_ARGUMENT', async ({ request, says }) => {
    const { client } = await opened();
    const { code, message } = await client.call('ModelInfer', { model_name: 'm', ...request });
    expect({ code, message }).toEqual({ code: 3, message: expect.stringMatching(says) });
  });

  test('gives the status of the predictor with its words, percent and all', async () => {
    const { client } = await opened({ ModelInfer: (call) => call.end(8, '100%25 full %E2%82%AC') });
    const { code, message, metadata } = await client.call('ModelInfer', RAW);
    expect([code, message, metadata['grpc-retry-pushback-ms']]).toEqual([8, '100% full €', '1000']);
  });

  test('a model that is not served is NOT_FOUND, and the predictor is not asked', async () => {
    const { client } = await opened({ ModelInfer: (call) => call.end(13) }, '--model_name=a,b');
    const { code, message } = await client.call('ModelInfer', RAW);
    expect([code, message]).toEqual([5, 'model "m" is not served here; there is a, b']);
  });

  test('unpacks gzip and deflate', async () => {
    const { port } = await fakePredictor();
    const { grpcPort } = await gateway(port);
    for (const how of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
      const client = grpcClient(grpcPort, { options: { 'grpc.default_compression_algorithm': how } });
      expect(await client.call('ModelInfer', RAW)).toMatchObject({ code: 0, message: '' });
    }
  });

  test('carries a tensor of 20 MB each way', async () => {
    const data = Buffer.alloc(20_000_000, 7);
    const { client } = await opened({
      ModelInfer: (call) => {
        const [raw] = call.infer.raw_input_contents;
        call.send('ModelInferResponse', {
          ...INT8([]),
          outputs: [{ ...input, shape: [raw!.length] }],
          raw_output_contents: [raw],
        });
        call.end();
      },
    });
    const inputs = [{ ...input, shape: [data.length] }];
    const { code, answer } = await client.call('ModelInfer', { model_name: 'm', inputs, raw_input_contents: [data] });
    expect(code).toBe(0);
    expect((answer.raw_output_contents as Buffer[])[0]!.equals(data)).toBe(true);
  });

  test.each([
    { what: 'received', flag: '--grpc_max_receive_message_length=10' },
    { what: 'received, unpacked', flag: '--grpc_max_receive_message_length=50', packed: true },
    { what: 'sent', flag: '--grpc_max_send_message_length=10' },
  ])('a message over what may be $what is RESOURCE_EXHAUSTED, and names the flag', async ({ flag, packed }) => {
    const { port } = await fakePredictor();
    const { grpcPort } = await gateway(port, flag);
    const options = packed ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {};
    const { code, message } = await grpcClient(grpcPort, { options }).call('ModelInfer', {
      ...RAW,
      parameters: packed ? { long: { string_param: 'a'.repeat(1000) } } : {},
    });
    expect([code, message]).toEqual([8, expect.stringContaining(flag.replace(/=.*/, ''))]);
  });
});

describe('a call', () => {
  test('brings the headers of the list and the deadline to the predictor, and no others', async () => {
    const { calls, handlers } = held();
    const { client } = await opened(handlers);
    const headers = { authorization: 'Bearer x', 'x-request-id': 'r1', 'x-other': 'no' };
    const { outcome } = client.begin('ModelInfer', RAW, { headers, timeoutMs: 30_000 });
    const call = await calls.came;
    expect(call.headers).toMatchObject({ authorization: 'Bearer x', 'x-request-id': 'r1' });
    expect(call.headers).not.toHaveProperty('x-other');
    expect(Number.parseInt(call.headers['grpc-timeout'] ?? '', 10)).toBeLessThanOrEqual(30_000);
    expect(Number.parseInt(call.headers['grpc-timeout'] ?? '', 10)).toBeGreaterThan(0);
    call.send('ModelInferResponse', INT8([1]));
    call.end();
    await outcome;
  });

  test('that its client cancels is cancelled at the predictor (fault 39)', async () => {
    const { calls, handlers } = held();
    const { client } = await opened(handlers);
    const { outcome, cancel } = client.begin('ModelInfer', RAW);
    const { stream } = await calls.came;
    const closed = new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode)));
    cancel();
    expect(await closed).toBe(8);
    expect((await outcome).code).toBe(1);
  });

  test('that takes longer than the gateway allows is DEADLINE_EXCEEDED', async () => {
    const { handlers } = held();
    const { client } = await opened(handlers, '--predictor_request_timeout_seconds=0.3');
    expect((await client.call('ModelInfer', RAW)).code).toBe(4);
  });

  test('that finds no place is RESOURCE_EXHAUSTED, and one in the queue gets its turn', async () => {
    const [first, second] = [event<FakeCall>(), event<FakeCall>()];
    let calls = 0;
    const handlers = {
      ModelInfer: (call: FakeCall) => {
        calls += 1;
        (calls === 1 ? first : second).happened(call);
      },
    };
    const answer = (call: FakeCall) => {
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    };
    const { client } = await opened(handlers, '--max_concurrent_requests=1', '--max_queued_requests=1');
    const served = client.begin('ModelInfer', RAW).outcome;
    const one = await first.came;
    const others = [2, 3].map(() => client.begin('ModelInfer', RAW).outcome);
    expect(await Promise.race(others)).toMatchObject({ code: 8 });
    answer(one);
    answer(await second.came);
    expect((await served).code).toBe(0);
    expect((await Promise.all(others)).map(({ code }) => code).sort()).toEqual([0, 8]);
  });

  test('of a method that is not there is UNIMPLEMENTED', async () => {
    const { opened: at } = await opened();
    const other = grpcClient(at.grpcPort, { file: 'tfs_status.proto', service: 'tensorflow.serving.ModelService' });
    const { code } = await other.call('GetModelStatus', {});
    expect([0, 3, 5, 12]).toContain(code);
  });

  test('is in the metrics by its API and HTTP status, and its names are not', async () => {
    const { client, opened: at } = await opened({}, '--model_name=m');
    await client.call('ModelInfer', RAW);
    await client.call('ModelInfer', { ...RAW, model_name: 'evil' });
    const text = await (await fetch(`http://127.0.0.1:${at.port}/metrics`)).text();
    expect(text).toContain('muster_gateway_requests_total{api="grpc",model_name="m",code="200"} 1');
    expect(text).toContain('muster_gateway_requests_total{api="grpc",model_name="other",code="404"} 1');
    expect(text).not.toContain('evil');
  });
});

describe('looks', () => {
  test('say who serves, and what', async () => {
    const { client } = await opened();
    expect((await client.call('ServerLive', {})).answer).toEqual({ live: true });
    expect((await client.call('ServerReady', {})).answer).toEqual({ ready: true });
    expect((await client.call('ModelReady', { name: 'm' })).answer).toEqual({ ready: true });
    expect((await client.call('ServerMetadata', {})).answer).toMatchObject({
      name: 'muster',
      extensions: expect.arrayContaining(['binary_tensor_data']),
    });
    expect((await client.call('ModelMetadata', { name: 'm' })).answer).toMatchObject({
      name: 'm',
      inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }],
    });
  });

  test('a model that is not ready, one that is not served', async () => {
    const notReady = (call: FakeCall) => {
      call.send('ModelReadyResponse', { ready: false });
      call.end();
    };
    const { client, opened: at } = await opened({ ModelReady: notReady }, '--model_name=m');
    expect((await client.call('ModelReady', { name: 'm' })).answer).toEqual({ ready: false });
    expect((await client.call('ServerReady', {})).answer).toEqual({ ready: false });
    expect((await client.call('ModelReady', { name: 'x' })).code).toBe(5);
    const health = healthClient(at.grpcPort);
    expect((await health.call('Check', { service: 'm' })).answer).toEqual({ status: 2 });
    expect((await health.call('Check', { service: '' })).answer).toEqual({ status: 2 });
    expect((await health.call('Check', { service: 'x' })).code).toBe(5);
  });

  test('health is watched: told at once, and when it changes', async () => {
    let ready = true;
    const { opened: at } = await opened(
      {
        ModelReady: (call) => {
          call.send('ModelReadyResponse', { ready });
          call.end();
        },
      },
      '--model_name=m',
    );
    const health = healthClient(at.grpcPort);
    const [watch, unknown] = [health.watch('Watch', { service: 'm' }), health.watch('Watch', { service: 'x' })];
    expect(await watch.next()).toEqual({ status: 1 });
    expect(await unknown.next()).toEqual({ status: 3 });
    ready = false;
    expect(await watch.next()).toEqual({ status: 2 });
    watch.call.cancel();
    unknown.call.cancel();
  });
});
