/** A stand-in for a predictor: everything passes, and what it says of the way is what came. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, createConnection } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { jsonEncoder, typedEncoder } from '../../../src/bench/encode.ts';
import { openStandIn } from '../../../src/bench/listen/stand-in.ts';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { decodeInfer, encodeInfer } from '../../../src/gateway/upstream/oip/messages.ts';
import { encodeV2 } from '../../../src/gateway/upstream/rest/v2-messages.ts';
import { GrpcConnection } from '../../../src/wire/grpc-connection.ts';
import { ask, event, type FakeCall, FINAL, fakePredictor, INFER, INT8, token } from '../gateway/fixture.ts';
import { fakeRest, json } from '../gateway/rest-fixture.ts';
import { freePort } from '../support/servers.ts';
import { bench } from './bench.ts';

const values = Float32Array.from({ length: 150_528 }, (_, i) => Math.sin(i));
const data = new Uint8Array(values.buffer);
const inputs = [{ name: 'IN', datatype: 'FP32', shape: [150_528], data }] as const;
const request: InferRequest = { model: 'm', version: '', id: '', parameters: {}, inputs, outputs: [] };
const answer = json({ model_name: 'm', outputs: [] });
const METHOD = '/inference.GRPCInferenceService/';

/** Before the two ports; closed with the test. */
async function standIn(grpc: number, rest?: number) {
  const lines: string[] = [];
  const counts: number[] = [];
  const at = (port: number) => ({ host: '127.0.0.1', port });
  const settings = {
    grpc: at(grpc),
    rest: rest === undefined ? undefined : at(rest),
    tls: undefined,
    listen: at(0),
    requests: undefined,
  };
  const open = await openStandIn(settings, {
    say: (line) => lines.push(line),
    answered: (count) => counts.push(count),
  });
  onTestFinished(() => open.close());
  return { ...open, lines, counts };
}

function connection(port: number): GrpcConnection {
  const to = new GrpcConnection({ host: '127.0.0.1', port, maxReplyBytes: 2 ** 24 });
  onTestFinished(() => to.close());
  return to;
}

describe('a stand-in passes on', () => {
  test('an inference over gRPC, and says that it came raw, with its bytes', async () => {
    const image = {
      ...INT8([1, 2]),
      raw_output_contents: [Buffer.alloc(600_000, 7)],
      outputs: [{ name: 'OUT', datatype: 'INT8', shape: [600_000] }],
    };
    let came: readonly Buffer[] = [];
    const ModelInfer = (call: FakeCall) => {
      came = call.infer.raw_input_contents;
      call.send('ModelInferResponse', image);
      call.end();
    };
    const open = await standIn((await fakePredictor({ ModelInfer })).port);
    const parts = encodeInfer(request);
    const reply = await connection(open.port).call({ path: `${METHOD}ModelInfer`, request: parts, deadlineMs: 30_000 });
    expect(decodeInfer(reply.body).outputs[0]?.data).toHaveLength(600_000);
    expect(Buffer.compare(came[0] ?? Buffer.alloc(0), data)).toBe(0);
    const bytes = Buffer.concat(parts).length.toLocaleString('en-US');
    expect(open.text()).toContain(`1 × gRPC, raw: ModelInfer, raw_input_contents: bytes; ${bytes} bytes a request`);
  });

  test('typed lists, and names the trap', async () => {
    const open = await standIn((await fakePredictor()).port);
    const parts = typedEncoder(request, jsonEncoder(request)())();
    await connection(open.port).call({ path: `${METHOD}ModelInfer`, request: parts, deadlineMs: 30_000 });
    expect(open.text()).toContain('1 × gRPC, typed lists: ModelInfer');
    expect(open.text()).toContain('It speaks gRPC, but as typed lists');
  });

  test('JSON and binary over HTTP/1.1 on the same port', async () => {
    const server = await fakeRest({ 'POST /v2/models/m/infer': answer });
    const open = await standIn((await fakePredictor()).port, server.port);
    const { headers, parts } = encodeV2(request, true);
    expect((await ask(open.port, INFER, { body: jsonEncoder(request)() })).status).toBe(200);
    expect((await ask(open.port, INFER, { body: Buffer.concat(parts), headers })).status).toBe(200);
    expect(server.came.map(({ body }) => body.length)).toEqual([
      jsonEncoder(request)().length,
      Buffer.concat(parts).length,
    ]);
    expect(open.text()).toContain('1 × REST, JSON: V2 infer');
    expect(open.text()).toContain('1 × REST, binary: V2 infer');
  });

  test('a refusal in the predictor’s own words', async () => {
    const server = await fakeRest({ 'POST /v2/models/m/infer': json({ error: 'no such model' }, 404) });
    const open = await standIn(
      (await fakePredictor({ ModelInfer: (call) => call.end(5, 'no such model') })).port,
      server.port,
    );
    const to = connection(open.port);
    const reply = await to.call({ path: `${METHOD}ModelInfer`, request: encodeInfer(request), deadlineMs: 30_000 });
    expect(reply).toMatchObject({ status: 5, message: 'no such model' });
    expect(await ask(open.port, INFER, { body: '{}' })).toMatchObject({
      status: 404,
      json: { error: 'no such model' },
    });
  });

  test('a stream, message by message', async () => {
    const more = event();
    const ModelStreamInfer = async (call: FakeCall) => {
      call.send('ModelStreamInferResponse', token('a'));
      await more.came;
      call.send('ModelStreamInferResponse', FINAL);
      call.end();
    };
    const open = await standIn((await fakePredictor({ ModelStreamInfer: (call) => void ModelStreamInfer(call) })).port);
    const stream = await connection(open.port).stream({
      path: `${METHOD}ModelStreamInfer`,
      request: encodeInfer(request),
      deadlineMs: 30_000,
    });
    stream.finish();
    let messages = 0;
    for await (const batch of stream) {
      messages += batch.length;
      more.happened(); // the first one is here while the predictor waits
    }
    expect(messages).toBe(2);
    expect(stream.status).toMatchObject({ status: 0 });
  });

  test('health and metadata, which are no inference', async () => {
    const open = await standIn((await fakePredictor()).port);
    const reply = await connection(open.port).call({ path: `${METHOD}ServerLive`, deadlineMs: 30_000 });
    expect(reply.status).toBe(0);
    expect(open.text()).toContain('No inference came');
    expect(open.counts).toEqual([]);
  });

  test('that the client has gone', async () => {
    const gone = event();
    const began = event();
    const ModelInfer = (call: FakeCall) => {
      call.stream.once('close', () => gone.happened());
      began.happened();
    };
    const open = await standIn((await fakePredictor({ ModelInfer })).port);
    const leave = new AbortController();
    const call = connection(open.port).call({
      path: `${METHOD}ModelInfer`,
      request: encodeInfer(request),
      deadlineMs: 30_000,
      signal: leave.signal,
    });
    await began.came;
    leave.abort();
    await expect(call).rejects.toMatchObject({ reason: 'cancelled' });
    await gone.came;
  });
});

describe('a stand-in says', () => {
  test('UNAVAILABLE and 502 while nobody is behind it', async () => {
    const open = await standIn(await freePort(), await freePort());
    const to = connection(open.port);
    const reply = await to.call({ path: `${METHOD}ModelInfer`, request: encodeInfer(request), deadlineMs: 30_000 });
    expect(reply).toMatchObject({ status: 14 });
    expect(reply.message).toContain('nobody listens');
    expect((await ask(open.port, INFER, { body: '{}' })).status).toBe(502);
  });

  test('502 to HTTP when it was given no --rest, and still which way it came', async () => {
    const open = await standIn((await fakePredictor()).port);
    const reply = await ask(open.port, INFER, { body: '{}' });
    expect(reply).toMatchObject({ status: 502, json: { error: expect.stringContaining('no --rest') } });
    expect(open.text()).toContain('1 × REST, JSON');
  });

  test.each(['P', 'G', ''])('an answer to others while a client has sent "%s"', async (first) => {
    const server = await fakeRest({ 'POST /v2/models/m/infer': answer });
    const open = await standIn((await fakePredictor()).port, server.port);
    const slow = createConnection(open.port, '127.0.0.1');
    onTestFinished(() => void slow.destroy());
    await once(slow, 'connect');
    if (first !== '') await new Promise((sent) => slow.write(first, sent));
    expect((await ask(open.port, INFER, { body: '{}' })).status).toBe(200);
    expect((await connection(open.port).call({ path: `${METHOD}ServerLive`, deadlineMs: 30_000 })).status).toBe(0);
  });

  test('a second session works after the first was cut', async () => {
    const open = await standIn((await fakePredictor()).port);
    const first: ClientHttp2Session = connect(`http://127.0.0.1:${open.port}`);
    await once(first, 'remoteSettings');
    first.destroy();
    const reply = await connection(open.port).call({ path: `${METHOD}ServerLive`, deadlineMs: 30_000 });
    expect(reply.status).toBe(0);
  });
});

describe('muster bench protocols --listen', () => {
  test('ends after so many inferences and prints what came', async () => {
    const { port } = await fakePredictor();
    const listen = await freePort();
    const ran = await bench(
      ['--upstream', `127.0.0.1:${port}`, '--listen', `127.0.0.1:${listen}`, '--requests', '2'],
      (line) => {
        if (!line.includes('standing in')) return;
        const to = connection(listen);
        const call = { path: `${METHOD}ModelInfer`, request: encodeInfer(request), deadlineMs: 30_000 };
        void to.call(call).then(() => to.call(call));
      },
    );
    expect(ran.status).toBe(0);
    expect(ran.out).toContain('2 × gRPC, raw');
  });

  test('ends by a signal', async () => {
    const { port } = await fakePredictor();
    const ran = await bench(
      ['--upstream', `127.0.0.1:${port}`, '--listen', `127.0.0.1:${await freePort()}`],
      (line, signal) => {
        if (line.includes('standing in')) signal();
      },
    );
    expect(ran).toMatchObject({ status: 0 });
    expect(ran.out).toContain('No inference came');
  });

  test('is refused a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const ran = await bench(['--upstream', '127.0.0.1:9', '--listen', `127.0.0.1:${port}`]);
    expect(ran).toMatchObject({ status: 78 });
    expect(ran.err).toContain(`PORT_TAKEN --listen 127.0.0.1:${port} cannot be opened`);
  });
});
