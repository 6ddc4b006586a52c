/** The messages of TensorFlow Serving: ours both ways, and proto-loader's reading of them. */

import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import type { ModelMetadata } from '../../../../src/gateway/protocol/infer.ts';
import type { Tensor } from '../../../../src/gateway/tensor/tensor.ts';
import { readModelSpec, specOf, writeModelSpec } from '../../../../src/gateway/tfs/model-spec.ts';
import { decodePredict, decodePredicted, encodePredict, encodePredicted } from '../../../../src/gateway/tfs/predict.ts';
import {
  decodeMetadata,
  decodeMetadataAsk,
  encodeMetadata,
  encodeMetadataAsk,
  metadataJson,
  metadataOf,
  readMetadataJson,
  type Signatures,
} from '../../../../src/gateway/tfs/signatures.ts';
import { signedBy } from '../../../../src/gateway/tfs/signed.ts';
import { decodeStatus, encodeStatus, statusJson, type VersionStatus } from '../../../../src/gateway/tfs/status.ts';
import { ProtoWriter } from '../../../../src/gateway/upstream/oip/wire-format.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';
import fc from '../../../property.ts';
import { official, plain, tensors } from './official.ts';

const MAX = 1_000_000;
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const version = fc.oneof(
  fc.constant(''),
  fc.nat().map(String),
  fc.constant('stable'),
  text.filter((each) => !/^\d+$/.test(each)),
);
const spec = fc.record({ model: text, version, signature: text });
const whole = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
const byName = (all: readonly Tensor[]) => all.map(plain).sort((a, b) => (a.name < b.name ? -1 : 1));

describe('ModelSpec', () => {
  const written = (given: { model: string; version: string; signature: string }) => {
    const to = new ProtoWriter();
    writeModelSpec(to, given);
    return whole(to.parts());
  };

  test('is read back as it was', () => {
    fc.assert(
      fc.property(spec, (given) => {
        expect(readModelSpec(written(given))).toEqual(given);
      }),
    );
  });

  test.each([
    { version: '', read: {} },
    { version: '0', read: { version: { value: '0' } } },
    { version: '1732060800', read: { version: { value: '1732060800' } } },
    { version: '9223372036854775807', read: { version: { value: '9223372036854775807' } } },
    { version: '9223372036854775808', read: { version_label: '9223372036854775808' } },
    { version: 'canary', read: { version_label: 'canary' } },
  ])('with the version "$version" is what proto-loader reads', ({ version, read }) => {
    const message = official('ModelSpec').deserialize(written({ model: 'm', version, signature: 's' }));
    expect(message).toEqual({ name: 'm', signature_name: 's', ...read });
  });

  test('of a whole request, whatever else is in it', () => {
    const request = official('ClassificationRequest').serialize({ model_spec: { name: 'm', version_label: 'l' } });
    expect(specOf(request)).toEqual({ model: 'm', version: 'l', signature: '' });
    expect(specOf(Buffer.of())).toEqual({ model: '', version: '', signature: '' });
  });
});

describe('Predict', () => {
  test('asks for the same as before', () => {
    fc.assert(
      fc.property(spec, tensors, fc.array(text.filter(Boolean)), ({ model, version, signature }, inputs, names) => {
        const outputs = names.map((name) => ({ name, parameters: {} }));
        const asked = { model, version, id: '', parameters: {}, inputs, outputs };
        const read = decodePredict(whole(encodePredict(asked, signature)), MAX);
        expect({ ...read.request, inputs: byName(read.request.inputs) }).toEqual({ ...asked, inputs: byName(inputs) });
        expect(read.signature).toBe(signature);
      }),
    );
  });

  test('answers the same as before', () => {
    fc.assert(
      fc.property(tensors, (outputs) => {
        const asked = { model: 'm', version: '', id: '7', parameters: {}, inputs: [], outputs: [] };
        const answer = { model: 'm', version: '3', id: '7', parameters: {}, outputs };
        const read = decodePredicted(whole(encodePredicted(answer, '')), asked, MAX);
        expect({ ...read, outputs: byName(read.outputs) }).toEqual({ ...answer, outputs: byName(outputs) });
      }),
    );
  });

  test('is what proto-loader reads', () => {
    const inputs = [{ name: 'IN', datatype: 'INT8' as const, shape: [2], data: Uint8Array.of(1, 2) }];
    const asked = {
      model: 'm',
      version: '2',
      id: '',
      parameters: {},
      inputs,
      outputs: [{ name: 'a', parameters: {} }],
    };
    expect(official('PredictRequest').deserialize(whole(encodePredict(asked, 'sig')))).toMatchObject({
      model_spec: { name: 'm', signature_name: 'sig', version: { value: '2' } },
      inputs: { IN: { dtype: 'DT_INT8', tensor_shape: { dim: [{ size: '2' }] }, tensor_content: Buffer.of(1, 2) } },
      output_filter: ['a'],
    });
  });

  test('stands for no more bytes than it may, all its tensors together', () => {
    const half = { dtype: 'DT_INT8', tensor_shape: { dim: [{ size: MAX / 2 }] }, int_val: [1] };
    const of = (inputs: object) => official('PredictRequest').serialize({ inputs });
    expect(decodePredict(of({ a: half, b: half }), MAX).request.inputs).toHaveLength(2);
    const more = { ...half, tensor_shape: { dim: [{ size: 100 }] } };
    expect(() => decodePredict(of({ a: half, b: half, c: more }), MAX)).toThrow(/stands for more than \d+ bytes/);
  });

  test('gives outputs in the order in which they were asked for', () => {
    const answer = official('PredictResponse').serialize({
      outputs: { b: { dtype: 'DT_INT8', int_val: [1] }, a: { dtype: 'DT_INT8', int_val: [2] } },
    });
    const asked = (names: string[]) => ({
      ...{ model: 'm', version: '4', id: '', parameters: {}, inputs: [] },
      outputs: names.map((name) => ({ name, parameters: {} })),
    });
    const read = (names: string[]) => decodePredicted(answer, asked(names), MAX);
    expect(read(['a', 'b']).outputs.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(read(['b', 'a']).outputs.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(read([])).toMatchObject({ model: 'm', version: '4' }); // a server that does not say
  });

  test.each([decodePredict, (bytes: Uint8Array) => decodeMetadata(bytes), (bytes: Uint8Array) => decodeStatus(bytes)])(
    'random bytes end in a value, a Failure or a WireError (%#)',
    (decode) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          try {
            decode(bytes, MAX);
          } catch (error) {
            expect(error instanceof Failure || error instanceof WireError, String(error)).toBe(true);
          }
        }),
      );
    },
  );
});

const SIGNATURES: Signatures = {
  model: 'm',
  version: '3',
  byName: new Map([
    [
      'serving_default',
      {
        inputs: [
          { name: 'image', datatype: 'FP32', shape: [-1, 224, 224, 3] },
          { name: 'text', datatype: 'BYTES', shape: [-1] },
        ],
        outputs: [{ name: 'probs', datatype: 'BF16', shape: [-1, 10] }],
      },
    ],
    ['spectrum', { inputs: [{ name: 'x', datatype: 'DT_COMPLEX64', shape: [] }], outputs: [] }],
  ]),
};

describe('metadata', () => {
  test('is read back as it was, as a message and as JSON', () => {
    expect(decodeMetadata(whole(encodeMetadata(SIGNATURES)))).toEqual(SIGNATURES);
    expect(readMetadataJson(JSON.parse(JSON.stringify(metadataJson(SIGNATURES))))).toEqual(SIGNATURES);
  });

  test('is what proto-loader reads', () => {
    const message = official('GetModelMetadataResponse').deserialize(whole(encodeMetadata(SIGNATURES)));
    expect(message.model_spec).toMatchObject({ name: 'm', version: { value: '3' } });
    const { signature_def: any } = message.metadata as Record<string, { type_url: string; value: Buffer }>;
    expect(any?.type_url).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap');
    expect(official('SignatureDefMap').deserialize(any?.value ?? Buffer.of())).toMatchObject({
      signature_def: {
        serving_default: {
          method_name: 'tensorflow/serving/predict',
          inputs: { text: { dtype: 'DT_STRING', tensor_shape: { dim: [{ size: '-1' }] } } },
          outputs: { probs: { dtype: 'DT_BFLOAT16' } },
        },
      },
    });
  });

  test('is asked for with the one field that there is', () => {
    const asked = whole(encodeMetadataAsk({ model: 'm', version: 'stable', signature: '' }));
    expect(decodeMetadataAsk(asked)).toEqual({
      model: 'm',
      version: 'stable',
      signature: '',
      fields: ['signature_def'],
    });
  });

  test('in JSON is as TensorFlow Serving writes it', () => {
    expect(metadataJson(SIGNATURES)).toMatchObject({
      model_spec: { name: 'm', version: '3' },
      metadata: {
        signature_def: {
          signature_def: {
            spectrum: {
              inputs: { x: { dtype: 'DT_COMPLEX64', tensor_shape: { dim: [], unknown_rank: false }, name: 'x' } },
            },
          },
        },
      },
    });
  });

  test('that lacks the default signature has no inputs, and the others by name', () => {
    const { inputs, versions, signatures } = metadataOf(SIGNATURES, 'other');
    expect([inputs, versions, [...(signatures?.keys() ?? [])]]).toEqual([[], ['3'], ['serving_default', 'spectrum']]);
  });
});

describe('a signature by its name', () => {
  const all: ModelMetadata = metadataOf(SIGNATURES, 'serving_default');
  const { signatures: _, ...one } = all;
  const settings = { tfs_signature: 'serving_default', transforms: [] };
  const behind = { ...settings, transforms: [{ name: 'classify' }] } as unknown as typeof settings;

  test.each([
    { what: 'none is the default', metadata: all, name: '', inputs: ['image', 'text'], parameters: {} },
    {
      what: 'the default needs no word',
      metadata: all,
      name: 'serving_default',
      inputs: ['image', 'text'],
      parameters: {},
    },
    {
      what: 'another is told',
      metadata: all,
      name: 'spectrum',
      inputs: ['x'],
      parameters: { signature_name: 'spectrum' },
    },
    { what: 'of a model without', metadata: one, name: 'serving_default', inputs: ['image', 'text'], parameters: {} },
  ])('$what', ({ metadata, name, inputs, parameters }) => {
    const signed = signedBy(settings, metadata, name);
    expect(signed.metadata.inputs.map((each) => each.name)).toEqual(inputs);
    expect(signed.parameters).toEqual(parameters);
  });

  test.each([
    {
      what: 'that is not there',
      how: settings,
      metadata: all,
      says: /no signature "nope"; it has serving_default, spectrum/,
    },
    { what: 'of a model without any', how: settings, metadata: one, says: /it has serving_default$/ },
    { what: 'behind a transform', how: behind, metadata: all, says: /it has serving_default$/ },
  ])('$what is refused', ({ how, metadata, says }) => {
    expect(() => signedBy(how, metadata, 'nope')).toThrow(says);
  });
});

describe('status', () => {
  const versions: readonly VersionStatus[] = [
    { version: '1', state: 'AVAILABLE', why: '' },
    { version: '2', state: 'LOADING', why: 'not yet' },
  ];

  test('is read back as it was', () => {
    expect(decodeStatus(whole(encodeStatus(versions)))).toEqual(versions);
  });

  test('is what proto-loader reads', () => {
    const { model_version_status: read } = official('GetModelStatusResponse').deserialize(
      whole(encodeStatus(versions)),
    );
    expect(read).toMatchObject([
      { version: '1', state: 'AVAILABLE', status: { error_code: 0, error_message: '' } },
      { version: '2', state: 'LOADING', status: { error_code: 14, error_message: 'not yet' } },
    ]);
  });

  test('in JSON is as TensorFlow Serving writes it', () => {
    expect(statusJson(versions)).toEqual([
      { version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
      { version: '2', state: 'LOADING', status: { error_code: 'UNAVAILABLE', error_message: 'not yet' } },
    ]);
  });
});
