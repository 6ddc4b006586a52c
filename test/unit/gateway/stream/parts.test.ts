/** An answer in parts: whole rows where they fit, each element once and in order, no copies. */

import { describe, expect, test } from 'vitest';
import type { InferRequest } from '../../../../src/gateway/protocol/infer.ts';
import { partsOf, takeChunkBytes } from '../../../../src/gateway/stream/parts.ts';
import { partsReply } from '../../../../src/gateway/stream/parts-reply.ts';
import { countOf, joinBytes, type Tensor } from '../../../../src/gateway/tensor/tensor.ts';
import fc from '../../../property.ts';

const fp32 = (name: string, shape: readonly number[]): Tensor => ({
  ...{ name, shape, datatype: 'FP32' },
  data: new Uint8Array(Float32Array.from({ length: countOf(shape) }, (_, i) => i).buffer),
});
const texts = (...all: readonly string[]): Tensor => ({
  ...{ name: 'T', shape: [all.length], datatype: 'BYTES' },
  data: joinBytes(all.map((each) => Buffer.from(each))),
});
const cut = (output: Tensor, chunkBytes: number) => [...partsOf({ outputs: [output] }, chunkBytes)];

describe('partsOf', () => {
  test.each([
    { what: 'one that fits', shape: [2, 3], chunk: 1_024, counts: [6] },
    { what: 'rows', shape: [10, 100], chunk: 1_024, counts: [200, 200, 200, 200, 200] },
    { what: 'rows below a batch of one', shape: [1, 5, 200], chunk: 1_024, counts: [200, 200, 200, 200, 200] },
    { what: 'blocks of rows', shape: [3, 2, 50], chunk: 1_024, counts: [200, 100] },
    { what: 'rows that do not fit', shape: [2, 300], chunk: 1_024, counts: [256, 256, 88] },
    { what: 'no elements', shape: [0, 4], chunk: 1_024, counts: [] },
    { what: 'a scalar', shape: [], chunk: 1_024, counts: [1] },
  ])('$what', ({ shape, chunk, counts }) => {
    const output = fp32('A', shape);
    const parts = cut(output, chunk);
    expect(parts.map(({ count }) => count)).toEqual(counts);
    for (const { data } of parts) expect(data.buffer).toBe(output.data.buffer);
  });

  test('of BYTES holds whole elements, and one that is too large by itself', () => {
    const parts = cut(texts('a'.repeat(600), 'b'.repeat(300), 'c'.repeat(5_000), '', 'd'), 1_024);
    expect(parts.map(({ offset, count, data }) => [offset, count, data.length])).toEqual([
      [0, 2, 908],
      [2, 1, 5_004],
      [3, 2, 9],
    ]);
  });

  test('gives each byte once and in order, in parts that are not too large', () => {
    const anyTensor = fc.oneof(
      fc.array(fc.nat(7), { maxLength: 4 }).map((shape) => fp32('A', shape)),
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 60 }).map((all) => texts(...all)),
    );
    fc.assert(
      fc.property(anyTensor, fc.integer({ min: 4, max: 200 }), (output, chunk) => {
        const parts = cut(output, chunk);
        expect(Buffer.concat(parts.map(({ data }) => data))).toEqual(Buffer.from(output.data));
        let at = 0;
        for (const { offset, count, data } of parts) {
          expect(offset).toBe(at);
          at += count;
          expect(count).toBeGreaterThan(0);
          if (count > 1) expect(data.length).toBeLessThanOrEqual(chunk);
        }
        expect(at).toBe(countOf(output.shape));
      }),
    );
  });
});

describe('takeChunkBytes', () => {
  const asking = (parameters: InferRequest['parameters']): InferRequest => ({
    ...{ model: 'm', version: '', id: '', inputs: [], outputs: [] },
    parameters,
  });

  test('takes the parameter off the request', () => {
    expect(takeChunkBytes(asking({ a: 1 }))).toEqual({ request: asking({ a: 1 }), chunkBytes: undefined });
    expect(takeChunkBytes(asking({ a: 1, chunk_bytes: 4_096 }))).toEqual({
      request: asking({ a: 1 }),
      chunkBytes: 4_096,
    });
  });

  test.each([0, 1_023, 1e9, 4_096.5, true, 'many'])('%j is refused', (chunk_bytes) => {
    expect(() => takeChunkBytes(asking({ chunk_bytes }))).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('partsReply', () => {
  const response = {
    ...{ model: 'm', version: '1', id: 'x', parameters: {} },
    outputs: [fp32('A', [2, 200]), texts('é')],
  };

  test('is lines of JSON where no output is wanted as bytes', () => {
    const { type, rest = [] } = partsReply(response, { binary: false, byName: new Map() }, 1_024);
    const lines = [...rest].map((line) => JSON.parse(String(line)));
    expect(type).toBe('application/x-ndjson');
    expect(lines[0]).toEqual({
      ...{ model_name: 'm', model_version: '1', id: 'x' },
      outputs: [
        { name: 'A', datatype: 'FP32', shape: [2, 200], bytes: 1_600 },
        { name: 'T', datatype: 'BYTES', shape: [1], bytes: 6 },
      ],
    });
    expect(lines.slice(1)).toEqual([
      { output: 'A', offset: 0, count: 200, data: Array.from({ length: 200 }, (_, i) => i) },
      { output: 'A', offset: 200, count: 200, data: Array.from({ length: 200 }, (_, i) => 200 + i) },
      { output: 'T', offset: 0, count: 1, data: ['é'] },
      { parts: 3 },
    ]);
  });

  test('has the bytes behind their line where they are wanted so, by name', () => {
    const { type, rest = [] } = partsReply(response, { binary: false, byName: new Map([['A', true]]) }, 1_024);
    const all = [...rest];
    expect(type).toBe('application/vnd.muster.parts');
    expect(JSON.parse(String(all[1]))).toEqual({ output: 'A', offset: 0, count: 200, binary_data_size: 800 });
    expect(all[2]).toEqual(response.outputs[0]?.data.subarray(0, 800));
    expect(JSON.parse(String(all[5]))).toEqual({ output: 'T', offset: 0, count: 1, data: ['é'] });
  });
});
