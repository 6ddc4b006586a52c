/**
 * A message of TensorFlow Serving's that passes as it is: only its model is looked at. A predictor that speaks the same takes it,
 * and answers with another; a cache or retries see a request like any other.
 */
import { documentBody, documentTensor } from '../protocol/document.ts';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Asked } from '../request.ts';
import type { Tensor } from '../tensor/tensor.ts';

const DOCUMENT = 'tfs-document';
const METHOD = 'tfs_method';
/** Ours, and no tensors of clients that call themselves so: what is in them was checked. */
const made = new WeakSet<Tensor>();

/** Methods of PredictionService that pass. */
export const PASSED = ['Predict', 'Classify', 'Regress', 'MultiInference'] as const;
export type PassedMethod = (typeof PASSED)[number];

export interface TfsDocument {
  readonly method: PassedMethod;
  readonly message: Uint8Array;
}

export function documentRequest({ model, version }: Asked, { method, message }: TfsDocument): InferRequest {
  const tensor = documentTensor(DOCUMENT, message);
  made.add(tensor);
  return { model, version, id: '', parameters: { [METHOD]: method }, inputs: [tensor], outputs: [] };
}

export function documentOf({ parameters, inputs: [input] }: InferRequest): TfsDocument | undefined {
  const method = PASSED.find((each) => each === parameters[METHOD]);
  return method && input && made.has(input) ? { method, message: documentBody(input) } : undefined;
}

export const documentAnswer = ({ model, version, id }: InferRequest, message: Uint8Array): InferResponse => ({
  ...{ model, version, id },
  parameters: {},
  outputs: [documentTensor(DOCUMENT, message)],
});

export const answerMessage = ({ outputs: [output] }: InferResponse): Uint8Array =>
  output ? documentBody(output) : new Uint8Array(0);
