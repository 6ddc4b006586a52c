/**
 * What a model of TensorFlow says of itself: inputs and outputs by signature. GetModelMetadata has it as a SignatureDefMap in an
 * Any, `GET /v1/models/M/metadata` as the same in JSON; the gateway knows one signature of a model at a time.
 */
import type { ModelMetadata, Signature, TensorMetadata } from '../protocol/infer.ts';
import { isObject, type Json } from '../protocol/json.ts';
import { bytesOf, ProtoWriter, readFields, textOf } from '../upstream/oip/wire-format.ts';
import { shownDatatype, tfNameOf, tfNumberOfShown } from './datatypes.ts';
import { type ModelSpec, readModelSpec, writeModelSpec } from './model-spec.ts';
import { readMapEntry } from './predict.ts';
import { type Parts, readShape, writeShape } from './tensor-proto.ts';

/** The one field of metadata that TensorFlow Serving knows. */
export const SIGNATURE_DEF = 'signature_def';
const MAP_TYPE = 'type.googleapis.com/tensorflow.serving.SignatureDefMap';
const PREDICT_METHOD = 'tensorflow/serving/predict';
/** Triton's word for a model of this kind. */
const PLATFORM = 'tensorflow_savedmodel';

/** All of a model. */
export interface Signatures {
  readonly model: string;
  readonly version: string;
  readonly byName: ReadonlyMap<string, Signature>;
}

/** @param signature the default one; a model without it has inputs by the names of its others only */
export function metadataOf({ model, version, byName }: Signatures, signature: string): ModelMetadata {
  const { inputs, outputs } = byName.get(signature) ?? { inputs: [], outputs: [] };
  const versions = version === '' ? [] : [version];
  return { name: model, versions, platform: PLATFORM, inputs, outputs, signatures: byName };
}

/** @param signature the name of the only one, where the model has no others */
export const signaturesOf = (metadata: ModelMetadata, signature: string): Signatures => ({
  model: metadata.name,
  version: metadata.versions.at(-1) ?? '',
  byName: metadata.signatures ?? new Map([[signature, metadata]]),
});

export const encodeMetadataAsk = (spec: ModelSpec): Parts =>
  new ProtoWriter()
    .message(1, (to) => writeModelSpec(to, spec))
    .text(2, SIGNATURE_DEF)
    .parts();

export interface MetadataAsk extends ModelSpec {
  readonly fields: readonly string[];
}

export function decodeMetadataAsk(bytes: Uint8Array): MetadataAsk {
  const fields: string[] = [];
  let spec: ModelSpec = { model: '', version: '', signature: '' };
  readFields(bytes, (no, value) => {
    if (no === 1) spec = readModelSpec(bytesOf(value));
    else if (no === 2) fields.push(textOf(value));
  });
  return { ...spec, fields };
}

export function encodeMetadata({ model, version, byName }: Signatures): Parts {
  const map = new ProtoWriter();
  for (const [name, signature] of byName)
    map.message(1, (entry) => entry.text(1, name).message(2, (to) => writeSignature(to, signature)));
  const any = (to: ProtoWriter) => to.text(1, MAP_TYPE).bytes(2, Buffer.concat(map.parts()));
  return new ProtoWriter()
    .message(1, (to) => writeModelSpec(to, { model, version, signature: '' }))
    .message(2, (entry) => entry.text(1, SIGNATURE_DEF).message(2, any))
    .parts();
}

function writeSignature(to: ProtoWriter, { inputs, outputs }: Signature): void {
  for (const [no, tensors] of [inputs, outputs].entries())
    for (const tensor of tensors)
      to.message(no + 1, (entry) => entry.text(1, tensor.name).message(2, writeInfo(tensor)));
  to.text(3, PREDICT_METHOD);
}

const writeInfo =
  ({ name, datatype, shape }: TensorMetadata) =>
  (to: ProtoWriter): void => {
    to.text(1, name)
      .int64(2, tfNumberOfShown(datatype))
      .message(3, (dims) => writeShape(dims, shape));
  };

/** @throws WireError malformed */
export function decodeMetadata(bytes: Uint8Array): Signatures {
  const byName = new Map<string, Signature>();
  let spec: ModelSpec = { model: '', version: '', signature: '' };
  readFields(bytes, (no, value) => {
    if (no === 1) spec = readModelSpec(bytesOf(value));
    if (no !== 2) return;
    const { key, value: any } = readMapEntry(value);
    if (key !== SIGNATURE_DEF) return;
    readFields(readMapEntry(any).value, (each, entry) => {
      if (each !== 1) return;
      const { key: name, value: signature } = readMapEntry(entry);
      byName.set(name, readSignature(signature));
    });
  });
  return { model: spec.model, version: spec.version, byName };
}

function readSignature(bytes: Uint8Array): Signature {
  const inputs: TensorMetadata[] = [];
  const outputs: TensorMetadata[] = [];
  readFields(bytes, (no, value) => {
    if (no !== 1 && no !== 2) return;
    const { key, value: info } = readMapEntry(value);
    (no === 1 ? inputs : outputs).push(readInfo(key, info));
  });
  return { inputs: sorted(inputs), outputs: sorted(outputs) };
}

/** A map has no order; ours is the same each time. */
const sorted = (tensors: readonly TensorMetadata[]): readonly TensorMetadata[] =>
  tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));

function readInfo(name: string, bytes: Uint8Array): TensorMetadata {
  let [dtype, shape]: [number, readonly number[]] = [0, []];
  readFields(bytes, (no, value) => {
    if (no === 2) dtype = Number(value);
    else if (no === 3) ({ shape } = readShape(bytesOf(value)));
  });
  return { name, datatype: shownDatatype(dtype), shape };
}

/** `GET …/metadata` as TensorFlow Serving writes it: numbers of 64 bits are texts. */
export const metadataJson = ({ model, version, byName }: Signatures): Json => ({
  model_spec: { name: model, signature_name: '', version },
  metadata: {
    [SIGNATURE_DEF]: {
      signature_def: Object.fromEntries([...byName].map(([name, each]) => [name, signatureJson(each)])),
    },
  },
});

const signatureJson = ({ inputs, outputs }: Signature): Json => ({
  inputs: tensorsJson(inputs),
  outputs: tensorsJson(outputs),
  method_name: PREDICT_METHOD,
});

const tensorsJson = (tensors: readonly TensorMetadata[]): Json =>
  Object.fromEntries(
    tensors.map(({ name, datatype, shape }) => [
      name,
      {
        dtype: tfNameOf(tfNumberOfShown(datatype)),
        tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
        name,
      },
    ]),
  );

/** The inverse; what is missing in it is left out. */
export function readMetadataJson({ model_spec: spec, metadata }: Json): Signatures {
  const byName = new Map<string, Signature>();
  const signatures = within(within(metadata, SIGNATURE_DEF), 'signature_def');
  for (const [name, signature] of Object.entries(signatures))
    byName.set(name, { inputs: readTensors(signature, 'inputs'), outputs: readTensors(signature, 'outputs') });
  const { name, version } = isObject(spec) ? spec : {};
  return { model: wordOf(name), version: wordOf(version), byName };
}

function readTensors(signature: unknown, field: string): readonly TensorMetadata[] {
  const tensors = Object.entries(within(signature, field)).map(([name, info]) => {
    const { dtype } = isObject(info) ? info : {};
    const { dim } = within(info, 'tensor_shape');
    const sizes = Array.isArray(dim) ? dim : [];
    const shape = sizes.map((each) => Number(isObject(each) ? (each.size ?? 0) : 0));
    return { name, datatype: shownDatatype(tfNumberOfShown(wordOf(dtype))), shape };
  });
  return sorted(tensors);
}

const within = (object: unknown, field: string): Json => {
  const value = isObject(object) ? object[field] : undefined;
  return isObject(value) ? value : {};
};

const wordOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
