/** Triton's generate extension as a client of it: a flat object in, one flat object an event out. Pure. */
import { type Failure, refuse } from '../../failure.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../../protocol/infer.ts';
import { isObject, parseExact, parseObject, textField } from '../../protocol/json.ts';
import { tensorOf } from '../../protocol/nested.ts';
import type { Parameter, Tensor } from '../../tensor/tensor.ts';
import { stringify, valuesOf } from '../../tensor/to-json.ts';
import { failureOfStreamed } from '../oip/triton-words.ts';

/** @throws Failure 400 for an input of more than one axis: the extension has flat lists only */
export function encodeGenerate({ id, parameters, inputs }: InferRequest): Uint8Array {
  const named = inputs.map((input) => {
    const flat = input.shape.slice(0, -1).every((size) => size === 1);
    if (!flat)
      throw refuse(`input "${input.name}" of shape [${input.shape}] cannot be streamed over HTTP; grpc-v2 takes it`);
    const values = valuesOf(input);
    return [input.name, values.length === 1 ? values[0] : values];
  });
  return Buffer.from(stringify({ ...parameters, ...Object.fromEntries(named), ...(id === '' ? {} : { id }) }));
}

export interface Generated {
  readonly answers: readonly InferResponse[];
  /** What the model ended in; answers that came before it are answers still. */
  readonly failure: Failure | undefined;
}

const HEAD = new Set(['id', 'model_name', 'model_version']);

/** @throws Failure 400, whose words are about the answer */
export function decodeGenerated(events: readonly string[], metadata: ModelMetadata): Generated {
  const answers: InferResponse[] = [];
  for (const event of events) {
    const bytes = Buffer.from(event);
    const { error } = parseObject(bytes);
    if (typeof error === 'string') return { answers, failure: failureOfStreamed(error) };
    answers.push(answerOf(bytes, metadata));
  }
  return { answers, failure: undefined };
}

function answerOf(bytes: Uint8Array, { outputs: known }: ModelMetadata): InferResponse {
  const json = parseExact(bytes);
  const outputs: Tensor[] = [];
  const parameters: Record<string, Parameter> = {};
  for (const [name, value] of Object.entries(json)) {
    if (HEAD.has(name)) continue;
    const output = known.find((each) => each.name === name);
    if (output) outputs.push(tensorOf(output, value, 'front'));
    else if (!isObject(value) && !Array.isArray(value) && value !== null) parameters[name] = value as Parameter;
  }
  return {
    model: textField(json, 'model_name', 'the answer'),
    version: textField(json, 'model_version', 'the answer'),
    id: textField(json, 'id', 'the answer'),
    parameters,
    outputs,
  };
}
