/** What servers were seen to say that is no tensor of theirs, and what it is read as. test/gateway/peers.test.ts asks them. */
import { describe, expect, test } from 'vitest';
import { failureOfStatus } from '../../../src/gateway/failure.ts';
import { readGenerate } from '../../../src/gateway/protocol/generate.ts';
import type { InferRequest } from '../../../src/gateway/protocol/infer.ts';
import { rawOfJson } from '../../../src/gateway/tensor/from-json.ts';
import { joinBytes } from '../../../src/gateway/tensor/tensor.ts';
import { failureOfReply } from '../../../src/gateway/upstream/rest/answers.ts';
import { decodeInferred, decodeV2, encodeV2 } from '../../../src/gateway/upstream/rest/v2-messages.ts';

const request = (over: Partial<InferRequest> = {}): InferRequest => ({
  ...{ model: 'm', version: '', id: '', parameters: {}, inputs: [], outputs: [] },
  ...over,
});

test.each([
  [12, 501, 'the predictor serves no such gRPC method (status 12 without a word): it may speak another protocol'],
  [2, 500, 'the predictor answered gRPC status 2 without a word'],
])('gRPC status %d without a word', (status, http, message) => {
  expect(failureOfStatus({ status, message: '' })).toMatchObject({ status: http, grpc: status, message });
});

test('null among the floats of an answer is NaN; among those of a request, and among integers, it is refused', () => {
  const tensor = { name: 'x', datatype: 'FP32', shape: [2] } as const;
  expect([...new Float32Array(rawOfJson(tensor, [null, 2.5], 'nan').slice().buffer)]).toEqual([Number.NaN, 2.5]);
  expect(() => rawOfJson(tensor, [null, 2.5])).toThrow(/null at place 0 is no FP32/);
  expect(() => rawOfJson({ ...tensor, datatype: 'INT32' }, [null, 2], 'nan')).toThrow(/null at place 0 is no INT32/);
});

test('an event of MLServer is an answer, without its headers and with the id of the request', () => {
  const outputs = [{ name: 'o', datatype: 'INT32', shape: [1], data: [7] }];
  const event = { model_name: 'm', id: 'made up', parameters: { headers: { a: 'b' }, kept: 1 }, outputs };
  expect(decodeInferred([JSON.stringify(event)], request({ id: 'mine' }))).toEqual([
    expect.objectContaining({ id: 'mine', parameters: { kept: 1 }, outputs: [expect.objectContaining({ name: 'o' })] }),
  ]);
});

test('parameters of an answer that are null are none', () => {
  expect(decodeV2(Buffer.from('{"model_name":"m","parameters":null,"outputs":[]}'), undefined).parameters).toEqual({});
});

test('bytes that are no text are refused for a predictor that takes JSON only, with the way to send them', () => {
  const data = joinBytes([Buffer.from([0xff])]);
  const inputs = [{ name: 'IN', datatype: 'BYTES', shape: [1], data }] as const;
  expect(() => encodeV2(request({ inputs }), false)).toThrow(
    /^input "IN" holds bytes .* use --predictor_protocol grpc-v2$/,
  );
  expect(encodeV2(request({ inputs }), true).parts.at(-1)).toBe(data);
});

test('of a traceback its last line is said', () => {
  const body = Buffer.from(
    'Traceback (most recent call last):\n  File "/x.py", line 1\n\nValueError: the model raised\n',
  );
  expect(failureOfReply({ status: 500, headers: {}, body }).message).toBe('ValueError: the model raised');
});

describe('generate for a model that declares no inputs', () => {
  const nothing = { name: 'm', versions: [], platform: '', inputs: [], outputs: [] };
  const read = (body: object) =>
    readGenerate({ model: 'm', version: '', body: Buffer.from(JSON.stringify(body)) }, nothing);

  test('takes each field as the tensor that it looks like', () => {
    const { inputs, parameters, id } = read({ id: '7', text_input: 'a', n: [1, 2], parameters: { temperature: 0.5 } });
    expect(inputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
      ['text_input', 'BYTES', [1]],
      ['n', 'INT64', [2]],
    ]);
    expect([id, parameters]).toEqual(['7', { temperature: 0.5 }]);
  });

  test('refuses what looks like none', () => {
    expect(() => read({ text_input: ['a', 1] })).toThrow(/"text_input" is no tensor/);
  });
});
