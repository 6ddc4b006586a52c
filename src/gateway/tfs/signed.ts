/** Which way of calling a model a request means, by the name of a signature. Pure. */
import { refuse } from '../failure.ts';
import type { InferRequest, ModelMetadata } from '../protocol/infer.ts';
import type { SignedMetadata } from '../protocol/v1.ts';
import type { GatewaySettings } from '../settings.ts';
import { type Signatures, signaturesOf } from './signatures.ts';

/** The parameter that tells a predictor of TensorFlow Serving; clients of V2 may set it too. */
export const SIGNATURE_PARAMETER = 'signature_name';

/** As the predictor has them, or the one that a transform or another kind of predictor is. */
export function allSignatures(settings: Settings, metadata: ModelMetadata): Signatures {
  const { signatures: _, ...only } = metadata;
  return signaturesOf(settings.transforms.length > 0 ? only : metadata, settings.tfs_signature);
}

/** The one that a request to TensorFlow Serving names. @throws Failure 400 */
export function signatureNamed({ parameters }: InferRequest): string | undefined {
  const named = parameters[SIGNATURE_PARAMETER];
  if (named === undefined || typeof named === 'string') return named || undefined;
  throw refuse(`parameter "${SIGNATURE_PARAMETER}" must be a string`);
}

type Settings = Pick<GatewaySettings, 'tfs_signature' | 'transforms'>;

/**
 * A transform has one set of inputs, and other predictors than TensorFlow Serving have one per model: for them only the default
 * signature is known.
 *
 * @param name '' is the default
 * @throws Failure 400 with the names that there are
 */
export function signedBy(settings: Settings, metadata: ModelMetadata, name: string): SignedMetadata {
  const { tfs_signature: byDefault, transforms } = settings;
  const wanted = name === '' ? byDefault : name;
  const { signatures } = metadata;
  if (!signatures || transforms.length > 0) {
    if (wanted !== byDefault) throw noSignature(metadata.name, wanted, [byDefault]);
    return { metadata, parameters: {} };
  }
  const chosen = signatures.get(wanted);
  if (!chosen) throw noSignature(metadata.name, wanted, [...signatures.keys()]);
  const { inputs, outputs } = chosen;
  const parameters = wanted === byDefault ? {} : { [SIGNATURE_PARAMETER]: wanted };
  return { metadata: { ...metadata, inputs, outputs }, parameters };
}

/** Those that begin with `__` are not for callers. */
export function noSignature(model: string, wanted: string, known: readonly string[]): Error {
  const names = known.filter((each) => !each.startsWith('__'));
  return refuse(`"${model}" has no signature "${wanted.slice(0, 200)}"; it has ${names.join(', ') || 'none'}`);
}
