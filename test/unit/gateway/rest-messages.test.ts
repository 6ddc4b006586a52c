/** The bodies that a predictor over HTTP gets and gives, and what its failures mean: pure conversions. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/gateway/failure.ts';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import type { Datatype, Tensor } from '../../../src/gateway/tensor/tensor.ts';
import { joinBytes } from '../../../src/gateway/tensor/tensor.ts';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import { failureOfReply } from '../../../src/gateway/upstream/rest/answers.ts';
import { readEvents } from '../../../src/gateway/upstream/rest/events.ts';
import { decodeGenerated, encodeGenerate } from '../../../src/gateway/upstream/rest/generate-messages.ts';
import { decodeV1, encodeV1, saysModelReady } from '../../../src/gateway/upstream/rest/v1-messages.ts';
import { decodeV2, encodeV2, modelMetadataOf, saysReady } from '../../../src/gateway/upstream/rest/v2-messages.ts';

const tensor = (name: string, datatype: Datatype, shape: readonly number[], data: Uint8Array): Tensor => ({
  name,
  datatype,
  shape,
  data,
});
const int8 = (name: string, shape: readonly number[], ...values: number[]) =>
  tensor(name, 'INT8', shape, Uint8Array.from(values));
const request = (inputs: readonly Tensor[], over: Partial<InferRequest> = {}): InferRequest => ({
  ...{ model: 'm', version: '', id: '', parameters: {}, inputs, outputs: [] },
  ...over,
});
const parsed = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8'));

describe('a V2 request', () => {
  const whole = request([int8('A', [2], 1, 2), int8('B', [1], 3)], {
    id: '7',
    parameters: { priority: 1 },
    outputs: [{ name: 'OUT', parameters: { classification: 1 } }],
  });

  test('has its tensors behind the JSON, in order and not copied', () => {
    const { headers, parts } = encodeV2(whole, true);
    const [head, ...tails] = parts as [Uint8Array, ...Uint8Array[]];
    expect(headers).toEqual({
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.length),
    });
    expect(parsed(head)).toEqual({
      id: '7',
      parameters: { priority: 1, binary_data_output: true },
      outputs: [{ name: 'OUT', parameters: { classification: 1 } }],
      inputs: [
        { name: 'A', datatype: 'INT8', shape: [2], parameters: { binary_data_size: 2 } },
        { name: 'B', datatype: 'INT8', shape: [1], parameters: { binary_data_size: 1 } },
      ],
    });
    expect(tails.map((each, at) => each === whole.inputs[at]?.data)).toEqual([true, true]);
  });

  test('is JSON for a predictor that reads no bytes', () => {
    const { headers, parts } = encodeV2(whole, false);
    expect(headers).toEqual({ 'content-type': 'application/json' });
    expect(parts.length).toBe(1);
    expect(parsed(parts[0] as Uint8Array)).toMatchObject({
      parameters: { priority: 1 },
      inputs: [{ name: 'A', data: [1, 2] }, { data: [3] }],
    });
  });
});

describe('a V2 answer', () => {
  const head = (outputs: unknown[]) => JSON.stringify({ model_name: 'm', model_version: '1', outputs });
  const binary = { name: 'A', datatype: 'INT8', shape: [2], parameters: { binary_data_size: 2 } };

  test('may mix outputs in JSON and in bytes', () => {
    const json = head([{ name: 'J', datatype: 'INT64', shape: [1], data: [4] }, binary]);
    const { outputs, ...rest } = decodeV2(Buffer.concat([Buffer.from(json), Buffer.of(1, 2)]), String(json.length));
    expect(rest).toEqual({ model: 'm', version: '1', id: '', parameters: {} });
    expect(outputs.map((each) => [each.name, valuesOf(each)])).toEqual([
      ['J', [4n]],
      ['A', [1, 2]],
    ]);
  });

  test('keeps whole numbers beyond 2^53', () => {
    const json = '{"outputs":[{"name":"J","datatype":"INT64","shape":[1],"data":[9007199254740993]}]}';
    expect(valuesOf(decodeV2(Buffer.from(json), undefined).outputs[0] as Tensor)).toEqual([9007199254740993n]);
  });

  test.each([
    { what: 'no JSON', body: 'oops', jsonBytes: undefined, says: /no JSON/ },
    { what: 'a header beyond the body', body: '{}', jsonBytes: '9', says: /range 0-2/ },
    { what: 'too few bytes', body: head([binary]), jsonBytes: 'all', says: /announces 2 binary bytes, but 0/ },
    { what: 'bytes over', body: `${head([])}xy`, jsonBytes: String(head([]).length), says: /2 bytes behind the last/ },
    { what: 'a datatype of its own', body: head([{ ...binary, datatype: 'FP4' }]), jsonBytes: 'all', says: /FP4/ },
  ])('with $what is refused', ({ body, jsonBytes, says }) => {
    const length = jsonBytes === 'all' ? String(body.length) : jsonBytes;
    expect(() => decodeV2(Buffer.from(body), length)).toThrow(says);
  });
});

test('metadata takes sizes as numbers and as text, and knows no more than is there', () => {
  const json = { name: 'm', inputs: [{ name: 'A', datatype: 'FP32', shape: ['-1', 3] }], versions: null };
  expect(modelMetadataOf(json)).toEqual({
    ...{ name: 'm', versions: [], platform: '', outputs: [] },
    inputs: [{ name: 'A', datatype: 'FP32', shape: [-1, 3] }],
  });
});

describe('a V1 request', () => {
  const texts = tensor('T', 'BYTES', [2], joinBytes([Buffer.from('ä'), Buffer.of(0xff, 0)]));

  test.each([
    {
      what: 'one tensor',
      inputs: [int8('A', [2, 2], 1, 2, 3, 4)],
      body: {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
    },
    { what: 'BYTES, text or not', inputs: [texts], body: { instances: ['ä', { b64: '/wA=' }] } },
    {
      what: 'several with as many rows',
      inputs: [int8('A', [2], 1, 2), int8('B', [2, 1], 3, 4)],
      body: {
        instances: [
          { A: 1, B: [3] },
          { A: 2, B: [4] },
        ],
      },
    },
    {
      what: 'several with other rows',
      inputs: [int8('A', [2], 1, 2), int8('B', [1], 3)],
      body: { inputs: { A: [1, 2], B: [3] } },
    },
    { what: 'a scalar', inputs: [int8('A', [], 1)], body: { inputs: { A: 1 } } },
    { what: 'no rows', inputs: [int8('A', [0, 2])], body: { instances: [] } },
  ])('of $what', ({ inputs, body }) => {
    expect(parsed(encodeV1(request(inputs)))).toEqual(body);
  });

  test.each([
    { what: 'rows of nothing', input: tensor('A', 'INT8', [2 ** 23, 0], new Uint8Array(0)) },
    {
      what: 'axes of one',
      input: tensor('A', 'INT8', [20_000, ...Array<number>(253).fill(1)], new Uint8Array(20_000)),
    },
  ])('is refused where few bytes would become many lists: $what', ({ input }) => {
    expect(() => encodeV1(request([input]))).toThrow(/^tensor "A" of shape .* is more than 4194304 lists/);
  });
});

describe('a V1 answer', () => {
  test.each([
    { body: { predictions: [1, 2] }, outputs: [['output-0', 'INT64', [2], [1n, 2n]]] },
    { body: { predictions: [1, 2.5] }, outputs: [['output-0', 'FP64', [2], [1, 2.5]]] },
    { body: { predictions: [[true]] }, outputs: [['output-0', 'BOOL', [1, 1], [true]]] },
    { body: { predictions: [{ b64: 'QQ==' }] }, outputs: [['output-0', 'BYTES', [1], ['A']]] },
    { body: { predictions: [1e300] }, outputs: [['output-0', 'FP64', [1], [1e300]]] },
    { body: { predictions: [] }, outputs: [['output-0', 'FP64', [0], []]] },
    {
      body: { predictions: [{ l: 'x', s: 0.5 }] },
      outputs: [
        ['l', 'BYTES', [1], ['x']],
        ['s', 'FP64', [1], [0.5]],
      ],
    },
    { body: { predictions: { l: ['x', 'y'] } }, outputs: [['l', 'BYTES', [2], ['x', 'y']]] },
    {
      body: { outputs: { a: [1], b: 2 } },
      outputs: [
        ['a', 'INT64', [1], [1n]],
        ['b', 'INT64', [], [2n]],
      ],
    },
    { body: { outputs: [[1]] }, outputs: [['output-0', 'INT64', [1, 1], [1n]]] },
  ])('$body', ({ body, outputs }) => {
    const decoded = decodeV1(Buffer.from(JSON.stringify(body)), request([], { id: '7' }));
    expect(decoded).toMatchObject({ model: 'm', id: '7' });
    expect(decoded.outputs.map((each) => [each.name, each.datatype, each.shape, valuesOf(each)])).toEqual(outputs);
  });

  test.each([
    { text: '[1.0, 2.0]', datatype: 'FP64', values: [1, 2] },
    { text: '[1e3, 2]', datatype: 'FP64', values: [1000, 2] },
    { text: '[9007199254740993]', datatype: 'INT64', values: [9007199254740993n] },
    { text: '[9223372036854775808]', datatype: 'FP64', values: [2 ** 63] },
  ])('numbers are what they are written as: $text', ({ text, datatype, values }) => {
    const [output] = decodeV1(Buffer.from(`{"predictions": ${text}}`), request([])).outputs as [Tensor];
    expect([output.datatype, valuesOf(output)]).toEqual([datatype, values]);
  });

  test.each([
    { body: {}, says: /neither "predictions" nor "outputs"/ },
    { body: { predictions: 1 }, says: /must be a list/ },
    { body: { predictions: [1, { a: 1 }] }, says: /mixes/ },
    { body: { predictions: [{ a: 1 }, { b: 1 }] }, says: /row 1/ },
    { body: { predictions: [[1], [1, 2]] }, says: /differ in length/ },
    { body: { predictions: [1, 'x'] }, says: /no tensor/ },
    { body: { predictions: [null] }, says: /no tensor/ },
    { body: { predictions: [[{ a: 1 }]] }, says: /no tensor/ },
  ])('$body is refused', ({ body, says }) => {
    expect(() => decodeV1(Buffer.from(JSON.stringify(body)), request([]))).toThrow(says);
  });
});

test.each([
  { json: { ready: true }, ready: true },
  { json: { ready: 'True' }, ready: true },
  { json: { ready: 'False' }, ready: false },
  { json: { name: 'm' }, ready: true },
  { json: { model_version_status: [{ state: 'LOADING' }, { state: 'AVAILABLE' }] }, ready: true },
  { json: { model_version_status: [{ state: 'END' }] }, ready: false },
])('a V1 model that says $json: $ready', ({ json, ready }) => {
  expect(saysModelReady(json)).toBe(ready);
});

test.each([
  { body: '', ready: true },
  { body: '{}', ready: true },
  { body: '{"ready": false}', ready: false },
  { body: '{"name": "m", "ready": true}', ready: true },
])('a V2 answer of 200 with "$body": $ready', ({ body, ready }) => {
  expect(saysReady(Buffer.from(body))).toBe(ready);
});

describe('a failure', () => {
  test.each([
    { status: 400, body: '{"error": "no"}', want: [400, 'no', 3] },
    { status: 404, body: 'plain words\n', want: [404, 'plain words', 5] },
    { status: 500, body: '{"error": {"message": "deep"}}', want: [500, 'deep', 13] },
    { status: 422, body: '{"detail": [{"loc": 1}]}', want: [422, '[{"loc":1}]', 2] },
    { status: 500, body: '{broken', want: [500, '{broken', 13] },
    { status: 502, body: '', want: [502, 'the predictor answered HTTP status 502 without a word', 14] },
    { status: 418, body: 'tea', want: [502, 'the predictor answered HTTP status 418: tea', 14] },
    { status: 400, body: 'x'.repeat(2000), want: [400, `${'x'.repeat(1000)}…`, 3] },
  ])('$status', ({ status, body, want }) => {
    const failure = failureOfReply({ status, headers: {}, body: Buffer.from(body) });
    expect(failure).toBeInstanceOf(Failure);
    expect([failure.status, failure.message, failure.grpc]).toEqual(want);
  });

  test.each([
    { header: '7', seconds: 7 },
    { header: undefined, seconds: 1 },
    { header: 'Wed, 21 Oct 2026 07:28:00 GMT', seconds: 1 },
  ])('with retry-after $header', ({ header, seconds }) => {
    const headers = header === undefined ? {} : { 'retry-after': header };
    expect(failureOfReply({ status: 429, headers, body: Buffer.alloc(0) }).retryAfter).toBe(seconds);
  });
});

describe('events', () => {
  async function read(chunks: readonly string[], maxBytes = 1000): Promise<(readonly string[])[]> {
    const steps: (readonly string[])[] = [];
    const source = (async function* () {
      for (const each of chunks) yield Buffer.from(each, 'latin1');
    })();
    for await (const step of readEvents(source, maxBytes, () => new Error('too large'))) steps.push(step);
    return steps;
  }

  test.each([
    { what: 'together are one step', chunks: ['data: a\n\ndata: b\n\n'], steps: [['a', 'b']] },
    { what: 'cut anywhere', chunks: ['da', 'ta: a\n', '\ndata', ': b\n\n'], steps: [['a'], ['b']] },
    { what: 'cut within a letter', chunks: ['data: \xc3', '\xa4\n\n'], steps: [['ä']] },
    { what: 'of several lines', chunks: ['data: a\ndata:b\n\n'], steps: [['a\nb']] },
    { what: 'with CRLF, comments and names', chunks: [': hi\r\n\r\nevent: x\r\ndata: a\r\n\r\n'], steps: [['a']] },
    { what: 'that never end', chunks: ['data: a\n\ndata: b'], steps: [['a']] },
  ])('$what', async ({ chunks, steps }) => {
    expect(await read(chunks)).toEqual(steps);
  });

  test('larger than the bound end the stream', async () => {
    await expect(read(['data: ', 'x'.repeat(20)], 20)).rejects.toThrow('too large');
  });
});

describe('generate', () => {
  const metadata = {
    ...{ name: 'm', versions: [], platform: '', inputs: [] },
    outputs: [{ name: 'n', datatype: 'INT64', shape: [1] }],
  };

  test('a request is flat: one value, or a list', () => {
    const inputs = [tensor('t', 'BYTES', [1], joinBytes([Buffer.from('hi')])), int8('l', [1, 2], 1, 2)];
    expect(parsed(encodeGenerate(request(inputs, { id: 'g', parameters: { stop: true } })))).toEqual({
      ...{ id: 'g', stop: true, t: 'hi', l: [1, 2] },
    });
    expect(() => encodeGenerate(request([int8('l', [2, 1], 1, 2)]))).toThrow(/grpc-v2/);
  });

  test('what came before an error is an answer still', () => {
    const { answers, failure } = decodeGenerated(['{"n": 9007199254740993, "end": true}', '{"error": "x"}'], metadata);
    expect(answers.map(({ outputs, parameters }) => [outputs.map(valuesOf), parameters])).toEqual([
      [[[9007199254740993n]], { end: true }],
    ]);
    expect(failure?.message).toBe('x');
  });
});
