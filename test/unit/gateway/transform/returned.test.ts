/** What a hook returned is looked at in its own thread, so that a module's slip is told as one. */
import { describe, expect, test } from 'vitest';
import type { InferRequest } from '../../../../src/gateway/protocol/infer.ts';
import { returned } from '../../../../src/gateway/transform/returned.ts';

const data = new Uint8Array(8);
const input = { name: 'IN', datatype: 'FP32', shape: [2], data } as const;
const given: InferRequest = {
  model: 'm',
  version: '3',
  id: 'a',
  parameters: { top: 5 },
  inputs: [],
  outputs: [{ name: 'OUT', parameters: {} }],
};

test('what is left out is as it was', () => {
  expect(returned({ inputs: [input] }, given, 'inputs')).toEqual({ ...given, inputs: [input] });
  expect(returned({ inputs: [input], version: '4' }, given, 'inputs')).toMatchObject({ model: 'm', version: '4' });
});

describe('it is told', () => {
  test.each<[what: string, result: unknown, says: RegExp]>([
    ['nothing', undefined, /^the hook returned nothing with "inputs"$/],
    ['no list', { inputs: input }, /^the hook returned nothing with "inputs"$/],
    ['no tensor', { inputs: [null] }, /^the hook returned a tensor without a name/],
    ['no name', { inputs: [{ ...input, name: undefined }] }, /^the hook returned a tensor without a name/],
    ['no datatype', { inputs: [{ ...input, datatype: 'float' }] }, /^tensor "IN": "float" is no datatype$/],
    ['no shape', { inputs: [{ ...input, shape: undefined }] }, /^tensor "IN" has no shape/],
    ['an open shape', { inputs: [{ ...input, shape: [-1] }] }, /^tensor "IN" has -1 in its shape/],
    [
      'a list of numbers',
      { inputs: [{ ...input, data: [1, 2] }] },
      /^tensor "IN" has no bytes: make it by tensor\(…\)$/,
    ],
    [
      'other bytes',
      { inputs: [{ ...input, shape: [3] }] },
      /^tensor "IN" has 8 bytes, but FP32 of shape \[3\] takes 12$/,
    ],
    ['parameters that are none', { inputs: [input], parameters: null }, /^the hook returned "parameters" that are no/],
    ['a list as a parameter', { inputs: [{ ...input, parameters: { a: [] } }] }, /^tensor "IN" has "parameters" that/],
    ['a model that is no name', { inputs: [input], model: 5 }, /^the hook returned a "model" that is no text$/],
    ['no list of what is asked for', { inputs: [input], outputs: 'OUT' }, /^the hook returned "outputs" that are no/],
  ])('%s', (_what, result, says) => {
    const look = () => returned(result, given, 'inputs');
    expect(look).toThrow(says);
    // Not the client's mistake, which a status of 400 would make it.
    expect(look).toThrow(expect.not.objectContaining({ status: expect.anything() }));
  });
});
