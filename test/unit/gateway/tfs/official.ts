/** The same messages as proto-loader writes and reads them from proto/tfs_predict.proto, and tensors to put into them. */
import { join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { type Datatype, ELEMENT_BYTES, joinBytes, type Tensor } from '../../../../src/gateway/tensor/tensor.ts';
import fc from '../../../property.ts';

interface Official {
  readonly type: { readonly name: string };
  serialize(value: unknown): Buffer;
  deserialize(bytes: Buffer): Record<string, unknown>;
}

const loaded = Object.values(
  loadSync('tfs_predict.proto', {
    includeDirs: [join(import.meta.dirname, '../../../../proto')],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  }),
);
const byName = new Map(
  (loaded as unknown as Official[]).filter((each) => 'deserialize' in each).map((each) => [each.type.name, each]),
);

export const official = (name: string): Official => byName.get(name) as Official;

/** Every datatype with TensorFlow's name for it. */
export const PAIRS = [
  ['FP32', 'DT_FLOAT'],
  ['FP64', 'DT_DOUBLE'],
  ['INT32', 'DT_INT32'],
  ['UINT8', 'DT_UINT8'],
  ['INT16', 'DT_INT16'],
  ['INT8', 'DT_INT8'],
  ['BYTES', 'DT_STRING'],
  ['INT64', 'DT_INT64'],
  ['BOOL', 'DT_BOOL'],
  ['BF16', 'DT_BFLOAT16'],
  ['UINT16', 'DT_UINT16'],
  ['FP16', 'DT_HALF'],
  ['UINT32', 'DT_UINT32'],
  ['UINT64', 'DT_UINT64'],
] as const satisfies readonly (readonly [Datatype, string])[];

const text = fc.string({ unit: 'grapheme', maxLength: 12 });

const dataOf = (datatype: Datatype, count: number): fc.Arbitrary<Uint8Array> => {
  const size = ELEMENT_BYTES[datatype];
  if (size === undefined)
    return fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: count, maxLength: count }).map(joinBytes);
  const bytes = fc.uint8Array({ minLength: count * size, maxLength: count * size });
  return datatype === 'BOOL' ? bytes.map((each) => each.map((byte) => byte & 1)) : bytes;
};

/** Of any datatype, any bits; scalars and empty ones too. */
export const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    name: text,
    datatype: fc.constantFrom(...PAIRS.map(([datatype]) => datatype)),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  })
  .chain(({ name, datatype, shape }) =>
    dataOf(
      datatype,
      shape.reduce((product, each) => product * each, 1),
    ).map((data) => ({ name, datatype, shape, data })),
  );

/** No two of one name: they are entries of a map. */
export const tensors = fc.uniqueArray(tensor, { maxLength: 4, selector: ({ name }) => name });

/** What tells two tensors apart. */
export const plain = ({ name, datatype, shape, data }: Tensor) => ({ name, datatype, shape, data: [...data] });
