/** Option values → which transforms, with what. Pure. */
import type { Refusal } from '../../errors.ts';
import type { TensorMetadata } from '../protocol/infer.ts';
import { isDatatype } from '../tensor/tensor.ts';
import type { TransformChoice } from './transform.ts';

/** The values of `options.ts`, as the table of the gateway gives them. */
export interface TransformValues {
  readonly transform: readonly string[];
  readonly cache_features: readonly string[];
  readonly model_inputs: readonly string[];
  readonly tokenizer: string | undefined;
  readonly max_tokens: number;
  readonly truncation: 'true' | 'longest_first' | 'only_first' | 'only_second' | 'false';
  readonly padding: 'longest' | 'max';
  readonly image_size: string;
  readonly image_fit: 'fill' | 'cover' | 'contain';
  readonly image_layout: 'NCHW' | 'NHWC';
  readonly image_scale: string;
  readonly image_mean: readonly string[];
  readonly image_std: readonly string[];
  readonly labels: string | undefined;
  readonly top_k: number;
  readonly softmax: boolean;
}

/** One transform of the row, with the name that messages and metrics use. */
export interface ChosenTransform {
  readonly name: string;
  readonly choice: TransformChoice;
}

export interface Chosen {
  readonly transforms: readonly ChosenTransform[];
  /** What the user says of the model; undefined: nothing. */
  readonly modelInputs: readonly TensorMetadata[] | undefined;
  readonly refusals: readonly Refusal[];
}

const wrong = (message: string, hint: string): Refusal => ({ code: 'USAGE', message, hint });

/** Every complaint at once; the transforms in the order in which a request meets them. */
export function chooseTransforms(values: TransformValues): Chosen {
  const refusals: Refusal[] = [];
  const transforms = values.transform.map((name) => ({ name, choice: choiceOf(name, values, refusals) }));
  refusals.push(...strangeFeatures(values));
  return { transforms, modelInputs: modelInputs(values.model_inputs, refusals), refusals };
}

function strangeFeatures({ cache_features: kept, transform }: TransformValues): readonly Refusal[] {
  const strange = kept.filter((name) => name !== '*' && !transform.includes(name));
  return strange.map((name) =>
    wrong(`--cache_features ${name.slice(0, 80)} is not among --transform`, 'Write it as it is there, or * for all.'),
  );
}

/** `input_ids:INT64:-1x-1`; a name may hold colons. */
function modelInputs(texts: readonly string[], refusals: Refusal[]): readonly TensorMetadata[] | undefined {
  const inputs = texts.flatMap((text) => {
    const [, name = '', datatype, shape = ''] =
      /^(.+):([A-Z0-9]+):((?:-1|\d{1,9})(?:x(?:-1|\d{1,9}))*)$/.exec(text) ?? [];
    if (isDatatype(datatype)) return [{ name, datatype, shape: shape.split('x').map(Number) }];
    const hint = 'Write name:datatype:shape, such as input_ids:INT64:-1x-1; -1 is any size.';
    refusals.push(wrong(`--model_inputs has "${text.slice(0, 80)}", which is no input`, hint));
    return [];
  });
  const twice = inputs.find(({ name }, at) => inputs.findIndex((each) => each.name === name) !== at);
  if (twice) refusals.push(wrong(`--model_inputs has "${twice.name}" twice`, 'Name each input once.'));
  return inputs.length > 0 ? inputs : undefined;
}

function choiceOf(name: string, values: TransformValues, refusals: Refusal[]): TransformChoice {
  switch (name) {
    case 'tokenize':
      return { kind: 'tokenize', options: tokenizeOptions(values, refusals) };
    case 'image':
      return { kind: 'image', options: imageOptions(values, refusals) };
    case 'classify': {
      const { top_k: topK, labels: labelsFile, softmax } = values;
      return { kind: 'classify', options: { topK, labelsFile, softmax } };
    }
    default:
      if (!/[./]/.test(name))
        refusals.push(
          wrong(
            `--transform ${name.slice(0, 80)} is none of tokenize, image, classify, and no path`,
            'Write ./mine.mjs for a module of yours.',
          ),
        );
      return { kind: 'module', path: name };
  }
}

function tokenizeOptions(values: TransformValues, refusals: Refusal[]) {
  const { tokenizer, max_tokens: maxTokens, truncation, padding: pad } = values;
  const truncate = truncation === 'true' ? 'longest_first' : truncation === 'false' ? undefined : truncation;
  if (tokenizer === undefined)
    refusals.push(wrong('--transform tokenize needs --tokenizer', 'Name the directory that holds tokenizer.json.'));
  return { directory: tokenizer ?? '', maxTokens, truncate, pad };
}

function imageOptions(values: TransformValues, refusals: Refusal[]) {
  const size = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(values.image_size);
  if (!size)
    refusals.push(
      wrong(
        `--image_size is "${values.image_size}", not a width x height`,
        'Write width x height in pixels, such as 224x224.',
      ),
    );
  return {
    width: Number(size?.[1] ?? 0),
    height: Number(size?.[2] ?? 0),
    fit: values.image_fit,
    layout: values.image_layout,
    scale: numbers('image_scale', [values.image_scale], refusals)[0] as number,
    mean: perChannel('image_mean', values.image_mean, refusals),
    std: perChannel('image_std', values.image_std, refusals),
  };
}

function perChannel(name: string, texts: readonly string[], refusals: Refusal[]): readonly number[] {
  const values = numbers(name, texts, refusals);
  if (values.length !== 1 && values.length !== 3)
    refusals.push(wrong(`--${name} has ${values.length} values`, 'Give one, or three for red, green, blue.'));
  if (name === 'image_std' && values.includes(0))
    refusals.push(wrong('--image_std has a 0', 'It divides: give what is not 0.'));
  return values;
}

function numbers(name: string, texts: readonly string[], refusals: Refusal[]): readonly number[] {
  const bad = texts.find((text) => !/^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text));
  if (bad !== undefined)
    refusals.push(wrong(`--${name} has "${bad.slice(0, 40)}", which is no number`, 'Write 0.5 or 1e-3.'));
  return texts.map(Number);
}
