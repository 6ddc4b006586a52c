/** ModelSpec: which model, which version of it by number or by label, which of its signatures. Every request begins with one. */
import type { FieldValue, ProtoWriter } from '../upstream/oip/wire-format.ts';
import { bytesOf, readFields, signed, textOf } from '../upstream/oip/wire-format.ts';

export interface ModelSpec {
  readonly model: string;
  /** Digits are a version, anything else is a label; '' is the server's choice, which is the newest. */
  readonly version: string;
  /** '' is `serving_default`. */
  readonly signature: string;
}

/** What TensorFlow calls the signature of a model that nobody named another one of. */
export const DEFAULT_SIGNATURE = 'serving_default';

/** A number of int64; everything else that says a version is a label of one. */
export const isVersion = (text: string): boolean => /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;

export function writeModelSpec(to: ProtoWriter, { model, version, signature }: ModelSpec): void {
  to.text(1, model);
  if (isVersion(version)) to.message(2, (wrapped) => wrapped.int64(1, BigInt(version)));
  to.text(3, signature);
  if (!isVersion(version)) to.text(4, version);
}

export function readModelSpec(bytes: Uint8Array): ModelSpec {
  const spec = { model: '', version: '', signature: '' };
  readFields(bytes, (no, value) => {
    if (no === 1) spec.model = textOf(value);
    else if (no === 2) spec.version = readWrapped(value);
    else if (no === 3) spec.signature = textOf(value);
    else if (no === 4) spec.version = textOf(value);
  });
  return spec;
}

/** google.protobuf.Int64Value; an empty one is 0. */
function readWrapped(message: FieldValue): string {
  let version = '0';
  readFields(bytesOf(message), (no, value) => {
    if (no === 1) version = String(signed(value));
  });
  return version;
}

/** The spec of a request. Said twice, it is one: the parts are merged, as every reader of protobuf is to do it. */
export function specOf(request: Uint8Array): ModelSpec {
  const parts: Uint8Array[] = [];
  readFields(request, (no, value) => {
    if (no === 1) parts.push(bytesOf(value));
  });
  return readModelSpec(Buffer.concat(parts));
}
