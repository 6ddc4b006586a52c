/**
 * gRPC clients of a real Triton and of muster before it: the same verdict, or a better one that docs/gateway-grpc.md names;
 * the same streams, message for message.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type Conversation,
  type GrpcClient,
  grpcClient,
  healthClient,
  type Outcome,
} from '../wire/gateway/grpc-client.ts';
import { withTriton } from './triton.ts';

const both = withTriton(['echo_fp32', 'echo_int32', 'echo_bytes', 'echo_bool', 'echo_fp16', 'gen', 'fail']);

const clients = (): readonly [GrpcClient, GrpcClient] => [
  grpcClient(both.triton.grpcPort),
  grpcClient(both.gateway.grpcPort),
];

const askBoth = async (method: string, request: object): Promise<{ triton: Outcome; muster: Outcome }> => {
  const [triton, muster] = await Promise.all(clients().map((each) => each.call(method, request)));
  return { triton: triton!, muster: muster! };
};

const fp32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const input = (over: object = {}) => ({ name: 'IN', datatype: 'FP32', shape: [1, 2], ...over });
const ask = (over: object = {}, rest: object = {}) => ({ model_name: 'echo_fp32', inputs: [input(over)], ...rest });
const raw = (...contents: Buffer[]) => ({ raw_input_contents: contents });
const A = fp32(1, 2.5);

describe('ModelInfer that both take, with the same answer', () => {
  test.each([
    { what: 'raw bytes', request: ask({}, raw(A)) },
    { what: 'an id', request: ask({}, { id: '7', ...raw(A) }) },
    { what: 'a version', request: ask({}, { model_version: '1', ...raw(A) }) },
    { what: 'an output by name', request: ask({}, { outputs: [{ name: 'OUT' }], ...raw(A) }) },
    { what: 'NaN and Infinity', request: ask({}, raw(fp32(Number.NaN, Number.POSITIVE_INFINITY))) },
    { what: 'an empty tensor', request: ask({ shape: [0, 2] }, raw(Buffer.alloc(0))) },
    {
      what: 'BYTES that are not UTF-8',
      request: {
        model_name: 'echo_bytes',
        inputs: [{ name: 'IN', datatype: 'BYTES', shape: [1, 1] }],
        ...raw(Buffer.from([2, 0, 0, 0, 255, 254])),
      },
    },
    {
      what: 'FP16',
      request: {
        model_name: 'echo_fp16',
        inputs: [{ name: 'IN', datatype: 'FP16', shape: [1, 1] }],
        ...raw(Buffer.from([0, 60])),
      },
    },
  ])('$what', async ({ request }) => {
    const { triton, muster } = await askBoth('ModelInfer', request);
    expect([triton.code, triton.message]).toEqual([0, '']);
    expect(muster).toEqual(triton);
  });

  test.each([
    { datatype: 'FP32', field: 'fp32_contents', values: [1, 2.5] },
    { datatype: 'INT32', field: 'int_contents', values: [-1, 2] },
    { datatype: 'BOOL', field: 'bool_contents', values: [true, false] },
    { datatype: 'BYTES', field: 'bytes_contents', values: [Buffer.from('a'), Buffer.from('')] },
  ])('$datatype as typed contents: Triton answers raw, muster in kind', async ({ datatype, field, values }) => {
    const request = {
      model_name: `echo_${datatype.toLowerCase()}`,
      inputs: [input({ datatype, contents: { [field]: values } })],
    };
    const { triton, muster } = await askBoth('ModelInfer', request);
    expect([triton.code, muster.code]).toEqual([0, 0]);
    expect((triton.answer.raw_output_contents as Buffer[]).length).toBe(1);
    expect(muster.answer).toMatchObject({ outputs: [{ contents: { [field]: values } }], raw_output_contents: [] });
  });
});

describe('ModelInfer that is refused', () => {
  test.each<{ what: string; request: object; triton: number; muster?: number }>([
    { what: 'raw beside contents', request: ask({ contents: { fp32_contents: [1, 2] } }, raw(A)), triton: 3 },
    { what: 'more raw entries than inputs', request: ask({}, raw(A, A)), triton: 0, muster: 3 },
    { what: 'raw bytes of another size', request: ask({}, raw(A.subarray(4))), triton: 3 },
    { what: 'contents of another type', request: ask({ contents: { int_contents: [1, 2] } }), triton: 3 },
    { what: 'too few contents', request: ask({ contents: { fp32_contents: [1] } }), triton: 3 },
    { what: 'neither raw nor contents', request: ask(), triton: 3 },
    { what: 'no inputs', request: { model_name: 'echo_fp32' }, triton: 3 },
    { what: 'an unknown model', request: { ...ask({}, raw(A)), model_name: 'nope' }, triton: 5 },
    { what: 'an unknown version', request: ask({}, { model_version: '9', ...raw(A) }), triton: 5 },
    { what: 'another datatype', request: ask({ datatype: 'INT32' }, raw(A)), triton: 3 },
    { what: 'an unknown datatype', request: ask({ datatype: 'FP33' }, raw(A)), triton: 3 },
    { what: 'another rank', request: ask({ shape: [2] }, raw(A)), triton: 3 },
    { what: 'an unknown input', request: ask({ name: 'NOPE' }, raw(A)), triton: 3 },
    { what: 'an unknown output', request: ask({}, { outputs: [{ name: 'NOPE' }], ...raw(A) }), triton: 3 },
    { what: 'a size below 0', request: ask({ shape: [-1, 2] }, raw(A)), triton: 3 },
    {
      what: 'a model of many answers',
      request: {
        model_name: 'gen',
        inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }],
        ...raw(Buffer.from([1, 0, 0, 0, 97])),
      },
      triton: 12,
    },
  ])('$what is $triton at Triton', async ({ request, triton: expected, muster: ours = expected }) => {
    const { triton, muster } = await askBoth('ModelInfer', request);
    expect([triton.code, muster.code]).toEqual([expected, ours]);
    if (ours !== 0) expect(muster.message).not.toBe('');
  });
});

describe('looks', () => {
  test.each([
    { method: 'ServerLive', request: {} },
    { method: 'ServerReady', request: {} },
    { method: 'ModelReady', request: { name: 'echo_fp32' } },
    { method: 'ModelReady', request: { name: 'gen', version: '1' } },
    { method: 'ModelMetadata', request: { name: 'echo_fp32' } },
    { method: 'ModelMetadata', request: { name: 'nope' } },
  ])('$method $request says what Triton says', async ({ method, request }) => {
    const { triton, muster } = await askBoth(method, request);
    expect([muster.code, muster.answer]).toEqual([triton.code, triton.answer]);
  });

  test('health says what Triton says', async () => {
    for (const port of [both.triton.grpcPort, both.gateway.grpcPort]) {
      const health = healthClient(port);
      expect((await health.call('Check', { service: '' })).answer).toEqual({ status: 1 });
      expect((await health.call('Check', { service: 'gen' })).answer).toEqual({ status: 1 });
    }
  });
});

const bytes = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};
const int32 = (value: number) => Buffer.from(Int32Array.of(value).buffer);

/** A request of `gen`. */
function gen(id: string, given: { text?: string; trace?: string; last?: boolean; [name: string]: unknown } = {}) {
  const { text = 'a b', trace, last = true, ...numbers } = given;
  const all: [object, Buffer][] = [
    [{ name: 'text_input', datatype: 'BYTES', shape: [1] }, bytes(text)],
    ...Object.entries(numbers).map(([name, value]): [object, Buffer] => [
      { name, datatype: 'INT32', shape: [1] },
      int32(value as number),
    ]),
  ];
  if (trace !== undefined) all.push([{ name: 'trace', datatype: 'BYTES', shape: [1] }, bytes(trace)]);
  return {
    model_name: 'gen',
    id,
    inputs: all.map(([each]) => each),
    raw_input_contents: all.map(([, each]) => each),
    ...(last ? { parameters: { triton_enable_empty_final_response: { bool_param: true } } } : {}),
  };
}

/** All that a stream says to these requests; the last words of an error have more than Triton gives. */
async function told(client: GrpcClient, ...requests: readonly object[]) {
  const stream = client.stream('ModelStreamInfer');
  for (const each of requests) stream.say(each);
  stream.call.end();
  const messages = await stream.rest();
  return { messages, code: (await stream.status).code };
}

const text = (message: unknown): string => {
  const { raw_output_contents: [, first] = [], outputs = [] } =
    (message as { infer_response?: { raw_output_contents: Buffer[]; outputs: { name: string }[] } }).infer_response ??
    {};
  return outputs.length === 0 ? '' : String(first ?? '');
};

describe('a stream of a decoupled model', () => {
  test.each([
    { what: 'one token', given: { text: 'hello' } },
    { what: 'some', given: { text: 'a b c', max_tokens: 5 } },
    { what: 'some, without asking for the end', given: { max_tokens: 3, last: false } },
    { what: 'none', given: { max_tokens: 0 } },
    { what: 'none, without asking for the end', given: { max_tokens: 0, last: false } },
    { what: 'three hundred', given: { max_tokens: 300 } },
  ])('$what is the same, message for message', async ({ given }) => {
    const [triton, muster] = await Promise.all(clients().map((each) => told(each, gen('g1', given))));
    expect(muster).toEqual(triton);
  });

  test('an error after two tokens has the same words, and the id', async () => {
    const [triton, muster] = await Promise.all(
      clients().map((each) => told(each, gen('e', { max_tokens: 5, fail_at: 2 }), gen('ok', { max_tokens: 1 }))),
    );
    const errors = (of: typeof triton) =>
      of?.messages.flatMap((each) =>
        each.error_message ? [[each.error_message, (each.infer_response as { id: string }).id]] : [],
      );
    expect(errors(muster)).toEqual(errors(triton));
    expect(muster?.messages.filter((each) => text(each) !== '').length).toBe(3);
    expect([triton?.code, muster?.code]).toEqual([0, 0]);
  });

  test.each([
    { what: 'an unknown model', request: { ...gen('u'), model_name: 'nope' } },
    { what: 'wrong bytes', request: { ...gen('w'), raw_input_contents: [Buffer.from([1])] } },
  ])('$what is an error of that request at both', async ({ request }) => {
    for (const client of clients()) {
      const { messages, code } = await told(client, request, gen('ok', { text: 'a', last: false }));
      const errors = messages.filter((each) => each.error_message);
      expect(errors.map((each) => (each.infer_response as { id: string }).id)).toEqual([request.id]);
      expect([messages.length, code]).toEqual([2, 0]);
    }
  });

  test('a model that raises is an error with its words at both', async () => {
    const request = {
      model_name: 'fail',
      id: 'f',
      inputs: [{ name: 'IN', datatype: 'FP32', shape: [1] }],
      ...raw(fp32(1)),
    };
    const [triton, muster] = await Promise.all(clients().map((each) => told(each, request)));
    expect(muster?.messages[0]?.error_message).toBe(triton?.messages[0]?.error_message);
  });

  const said = async (stream: Conversation) => text(await stream.next());

  test('has its first token while the model still thinks about the second', async () => {
    const [, client] = clients();
    const stream = client.stream('ModelStreamInfer');
    stream.say(gen('g', { delay_ms: 600_000 }));
    expect(await said(stream)).not.toBe('');
    stream.call.cancel();
  });

  test('whose client goes away stops the model', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gen-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const trace = join(dir, 'trace');
    const [, client] = clients();
    const stream = client.stream('ModelStreamInfer');
    stream.say(gen('g', { max_tokens: 100_000, delay_ms: 10, trace }));
    expect(await said(stream)).not.toBe('');
    stream.call.cancel();
    await expect.poll(() => readFileSync(trace, 'utf8'), { timeout: 60_000 }).toMatch(/cancelled at \d+/);
  });
});
