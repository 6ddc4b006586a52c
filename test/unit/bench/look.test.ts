import { describe, expect, test } from 'vitest';
import { jsonEncoder, typedEncoder } from '../../../src/bench/encode.ts';
import { LOOKED_AT_BYTES, lookAtGrpc, lookAtHttp } from '../../../src/bench/listen/look.ts';
import { Tally } from '../../../src/bench/listen/tally.ts';
import { inUseOf } from '../../../src/bench/through.ts';
import type { Way } from '../../../src/bench/ways.ts';
import { encodeInfer } from '../../../src/gateway/upstream/oip/messages.ts';
import { frameHead } from '../../../src/wire/frame.ts';

const values = Float32Array.from({ length: 150_528 }, (_, i) => Math.sin(i));
const request = {
  model: 'm',
  version: '',
  id: '',
  parameters: { a: 1 },
  inputs: [{ name: 'IN', datatype: 'FP32', shape: [150_528], data: new Uint8Array(values.buffer) }],
  outputs: [],
} as const;
const framed = (parts: readonly Uint8Array[]) => {
  const message = Buffer.concat(parts);
  return Buffer.concat([frameHead(message.length), message]);
};
const raw = framed(encodeInfer(request));
const typed = framed(typedEncoder(request, jsonEncoder(request)())());
const small = { ...request, inputs: [{ ...request.inputs[0], shape: [4], data: new Uint8Array(16) }] };
const both = framed([...typedEncoder(small, jsonEncoder(small)())(), ...encodeInfer(small)]);
const INFER = '/inference.GRPCInferenceService/ModelInfer';

describe('a gRPC request', () => {
  test.each<{ what: string; path?: string; body: Uint8Array; way: Way | undefined }>([
    { what: 'raw bytes', body: raw, way: 'raw' },
    { what: 'typed lists', body: typed, way: 'typed' },
    {
      what: 'raw bytes on a stream',
      path: '/inference.GRPCInferenceService/ModelStreamInfer',
      body: raw,
      way: 'raw',
    },
    { what: 'no tensors', body: framed(encodeInfer({ ...request, inputs: [] })), way: undefined },
    { what: 'a packed message', body: Uint8Array.of(1, 0, 0, 0, 1, 31), way: undefined },
    { what: 'lists and raw bytes at once, in what is looked at', body: both, way: undefined },
    { what: 'nothing', body: new Uint8Array(0), way: undefined },
    { what: 'nonsense', body: Uint8Array.from({ length: 200 }, (_, i) => (i * 37) % 256), way: undefined },
  ])('with $what, seen by its first bytes, is $way', ({ path = INFER, body, way }) => {
    const first = body.subarray(0, LOOKED_AT_BYTES);
    expect(lookAtGrpc({ path, headers: {} }, first)).toMatchObject({ way });
  });

  test('of another method is no inference', () => {
    expect(lookAtGrpc({ path: INFER.replace('ModelInfer', 'ModelMetadata'), headers: {} }, raw)).toBeUndefined();
  });

  test('cut anywhere never throws', () => {
    const whole = framed(encodeInfer(small));
    for (let end = 0; end <= whole.length; end += 1) lookAtGrpc({ path: INFER, headers: {} }, whole.subarray(0, end));
  });
});

describe('an HTTP request', () => {
  test.each<{ path: string; headers?: Record<string, string>; way: Way | undefined | 'none' }>([
    { path: '/v2/models/m/infer', way: 'json' },
    { path: '/v2/models/m/versions/3/infer?x=1', way: 'json' },
    { path: '/v2/models/m/infer', headers: { 'inference-header-content-length': '120' }, way: 'binary' },
    { path: '/v1/models/m:predict', way: 'json' },
    { path: '/v2/models/m', way: 'none' },
    { path: '/v2/health/ready', way: 'none' },
  ])('$path $headers is $way', ({ path, headers = {}, way }) => {
    const seen = lookAtHttp({ path, headers });
    if (way === 'none') expect(seen).toBeUndefined();
    else expect(seen).toMatchObject({ way });
  });
});

describe('what a stand-in says', () => {
  const see = (way: Way | undefined) => ({ way, call: 'ModelInfer', words: String(way) });
  const tally = (...ways: (Way | undefined)[]) => {
    const all = new Tally();
    const lines = ways.map((way, at) => all.add(see(way), 1_000 + at));
    return { all, lines, text: all.text() };
  };

  test.each([
    { when: 'nothing came', ways: [], has: 'No inference came' },
    { when: 'lists came', ways: ['typed'], has: 'It speaks gRPC, but as typed lists' },
    { when: 'JSON came', ways: ['json'], has: 'To change' },
    { when: 'bytes came', ways: ['raw', 'binary'], has: 'Tensors go as bytes: leave it as it is.' },
    { when: 'nothing can be told', ways: [undefined], has: 'cannot be told' },
  ] as const)('when $when', ({ ways, has }) => {
    expect(tally(...ways).text).toContain(has);
  });

  test('each kind is told once, then counted with its smallest and largest request', () => {
    const { all, lines, text } = tally('json', 'json', 'raw', 'json');
    expect(lines.map((line) => line !== undefined)).toEqual([true, false, true, false]);
    expect(all.count).toBe(4);
    expect(text).toContain('3 × REST, JSON: ModelInfer, json; 1,000-1,003 bytes a request');
    expect(text).toContain('1 × gRPC, raw: ModelInfer, raw; 1,002 bytes a request');
  });
});

describe('what a gateway says in its metrics', () => {
  const info = (labels: string) => `# TYPE muster_gateway_info gauge\nmuster_gateway_info{${labels}} 1\n`;
  test.each<{ metrics: string; jsonOnly?: boolean; way: Way | undefined }>([
    { metrics: info('predictor_protocol="grpc-v2"'), way: 'raw' },
    { metrics: info('version="1",predictor_protocol="v2"'), way: 'binary' },
    { metrics: info('predictor_protocol="v2"'), jsonOnly: true, way: 'json' },
    { metrics: info('predictor_protocol="v1"'), way: 'json' },
    { metrics: info('predictor_protocol="other"'), way: undefined },
    { metrics: '# HELP x\nrequest_preprocess_seconds_count{model_name="m"} 4\n', way: undefined },
    { metrics: '', way: undefined },
  ])('$metrics is $way', ({ metrics, jsonOnly = false, way }) => {
    const inUse = inUseOf(metrics, jsonOnly);
    if (way === undefined) expect(inUse).toBeNull();
    else expect(inUse).toMatchObject({ way });
  });
});
