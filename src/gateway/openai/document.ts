/** A body of OpenAI's API that is passed on as it is, and what comes back for it: whole events of a stream, or one body. */
import { documentBody, documentTensor } from '../protocol/document.ts';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import type { Parameters } from '../tensor/tensor.ts';

const DOCUMENT = 'openai-document';
const PATH = 'openai_path';

/** Behind `/v1/`. */
export const PASSED_PATHS = ['completions', 'chat/completions', 'embeddings', 'rerank'] as const;
export type PassedPath = (typeof PASSED_PATHS)[number];

export interface OpenAiDocument {
  readonly path: PassedPath;
  readonly body: Uint8Array;
}

export function documentRequest(model: string, { path, body }: OpenAiDocument): InferRequest {
  const inputs = [documentTensor(DOCUMENT, body)];
  return { model, version: '', id: '', parameters: { [PATH]: path }, inputs, outputs: [] };
}

/** The document of a request, if it is one. */
export function documentOf({ parameters, inputs: [input] }: InferRequest): OpenAiDocument | undefined {
  const path = PASSED_PATHS.find((each) => each === parameters[PATH]);
  return path && input?.name === DOCUMENT ? { path, body: documentBody(input) } : undefined;
}

export function documentAnswer({ model, version, id }: InferRequest, body: Uint8Array): InferResponse {
  const parameters: Parameters = {};
  return { model, version, id, parameters, outputs: [documentTensor(DOCUMENT, body)] };
}

/** The predictor's own bytes. */
export const answerBody = ({ outputs: [output] }: InferResponse): Uint8Array =>
  output ? documentBody(output) : new Uint8Array();
