/** Option values → which transforms, with what. Pure. */
import type { Refusal } from '../../errors.ts';
import type { TransformChoice } from './transform.ts';

/** The values of `options.ts`, as the table of the gateway gives them. */
export interface TransformValues {
  readonly transform: readonly string[];
  readonly tokenizer: string | undefined;
  readonly max_tokens: number;
  readonly truncation: boolean;
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
  readonly refusals: readonly Refusal[];
}

const wrong = (message: string, hint: string): Refusal => ({ code: 'USAGE', message, hint });

/** Every complaint at once; the transforms in the order in which a request meets them. */
export function chooseTransforms(values: TransformValues): Chosen {
  const refusals: Refusal[] = [];
  const transforms = values.transform.map((name) => ({ name, choice: choiceOf(name, values, refusals) }));
  return { transforms, refusals };
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
  const { tokenizer, max_tokens: maxTokens, truncation: truncate, padding: pad } = values;
  if (tokenizer === undefined)
    refusals.push(wrong('--transform tokenize needs --tokenizer', 'Name the directory that holds tokenizer.json.'));
  return { directory: tokenizer ?? '', maxTokens, truncate, pad };
}

function imageOptions(values: TransformValues, refusals: Refusal[]) {
  const size = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(values.image_size);
  if (!size)
    refusals.push(wrong(`--image_size is "${values.image_size}"`, 'Write width x height in pixels, such as 224x224.'));
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
