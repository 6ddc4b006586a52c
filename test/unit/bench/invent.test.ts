import { describe, expect, test } from 'vitest';
import { describeInputs, invent } from '../../../src/bench/invent.ts';
import { type Datatype, ELEMENT_BYTES, wrongRaw } from '../../../src/gateway/tensor/tensor.ts';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';

const model = (...inputs: { name: string; datatype: string; shape: number[] }[]) => ({
  name: 'm',
  versions: ['1'],
  platform: '',
  inputs,
  outputs: [],
});
const IN = { name: 'IN', datatype: 'FP32', shape: [-1, 3] };
const shapes = (shape: Record<string, number[]>) => new Map(Object.entries(shape));

describe('a request that is made up', () => {
  test.each([
    { when: 'a size is open', shape: {}, want: [1, 3], opened: ['IN'] },
    { when: 'the shape is told', shape: { IN: [4, 3] }, want: [4, 3], opened: [] },
    { when: 'a scalar is told nothing of', input: { ...IN, shape: [] }, shape: {}, want: [], opened: [] },
  ])('when $when has shape $want', ({ input = IN, shape, want, opened }) => {
    const made = invent(model(input), '2', shapes(shape));
    expect(made).toMatchObject({ request: { model: 'm', version: '2', inputs: [{ shape: want }] }, opened });
  });

  test.each(Object.keys(ELEMENT_BYTES) as Datatype[])('of %s is a tensor of it, the same in each run', (datatype) => {
    const asked = () => invent(model({ name: 'IN', datatype, shape: [7, -1] }), '', new Map());
    const [made, again] = [asked(), asked()];
    if ('refusals' in made) throw new Error('refused');
    const [tensor] = made.request.inputs;
    expect(wrongRaw(tensor!)).toBeUndefined();
    expect(valuesOf(tensor!)).toHaveLength(7);
    expect(made).toEqual(again);
  });

  test('holds whole numbers below 100: places in a vocabulary', () => {
    const made = invent(model({ name: 'ids', datatype: 'INT64', shape: [1, 512] }), '', new Map());
    if ('refusals' in made) throw new Error('refused');
    const values = valuesOf(made.request.inputs[0]!).map(Number);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(100);
    expect(new Set(values).size).toBeGreaterThan(50);
  });

  test('is told in a line', () => {
    const made = invent(model(IN, { name: 'ids', datatype: 'INT32', shape: [2] }), '', new Map());
    expect('request' in made && describeInputs(made.request)).toBe('IN FP32 [1,3], ids INT32 [2]');
  });
});

describe('there is none', () => {
  test.each([
    {
      when: '--shape names what is no input',
      inputs: [IN],
      shape: { OUT: [1] },
      says: '--shape names "OUT", but the inputs of "m" are IN',
    },
    {
      when: 'the model says of no input',
      inputs: [],
      shape: {},
      says: '"m" says of no input, so no request can be made up',
    },
    {
      when: 'the datatype is not known',
      inputs: [{ ...IN, datatype: 'FP8' }],
      shape: {},
      says: 'input "IN" has the datatype "FP8", which is not known',
    },
    {
      when: 'it would have gigabytes',
      inputs: [IN],
      shape: { IN: [100_000, 100_000] },
      says: 'input "IN" of shape [100000,100000] has more than 256 MiB',
    },
    {
      when: 'it cannot be counted',
      inputs: [IN],
      shape: { IN: [2 ** 52, 2 ** 52] },
      says: `input "IN" of shape [${2 ** 52},${2 ** 52}] has more than 256 MiB`,
    },
  ])('when $when', ({ inputs, shape, says }) => {
    expect(invent(model(...inputs), '', shapes(shape as Record<string, number[]>))).toMatchObject({
      refusals: [{ code: 'BENCH_REQUEST', message: says }],
    });
  });

  test('for all reasons at once', () => {
    const made = invent(model({ ...IN, datatype: 'FP8' }), '', shapes({ OUT: [1] }));
    expect('refusals' in made && made.refusals).toHaveLength(2);
  });
});
