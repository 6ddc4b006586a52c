/** A body of OpenAI's API that is passed on as it is, and what comes back for it: whole events of a stream, or one body. */
import { documentBody, documentTensor } from '../protocol/document.ts';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Parameters, Tensor } from '../tensor/tensor.ts';

const DOCUMENT = 'openai-document';
const PATH = 'openai_path';
/** Ours, and no tensors of clients that call themselves so: the model that is named in it was checked. */
const made = new WeakSet<Tensor>();

/** Behind `/v1/`. */
export const PASSED_PATHS = ['completions', 'chat/completions', 'embeddings', 'rerank'] as const;
export type PassedPath = (typeof PASSED_PATHS)[number];

export interface OpenAiDocument {
  readonly path: PassedPath;
  readonly body: Uint8Array;
}

export function documentRequest(model: string, { path, body }: OpenAiDocument): InferRequest {
  const tensor = documentTensor(DOCUMENT, body);
  made.add(tensor);
  return { model, version: '', id: '', parameters: { [PATH]: path }, inputs: [tensor], outputs: [] };
}

/** The document of a request, if it is one. */
export function documentOf({ parameters, inputs: [input] }: InferRequest): OpenAiDocument | undefined {
  const path = PASSED_PATHS.find((each) => each === parameters[PATH]);
  return path && input && made.has(input) ? { path, body: documentBody(input) } : undefined;
}

export function documentAnswer({ model, version, id }: InferRequest, body: Uint8Array): InferResponse {
  const parameters: Parameters = {};
  return { model, version, id, parameters, outputs: [documentTensor(DOCUMENT, body)] };
}

/** The predictor's own bytes. */
export const answerBody = ({ outputs: [output] }: InferResponse): Uint8Array =>
  output ? documentBody(output) : new Uint8Array();
