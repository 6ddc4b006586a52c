/**
 * Text → token ids, by a Hugging Face `tokenizer.json`: what a Python transformer does with `AutoTokenizer(texts,
 * padding=…, truncation=…)`, by the library of the same makers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { refuse } from '../../failure.ts';
import type { ModelMetadata, TensorMetadata } from '../../protocol/infer.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { TokenizeOptions, Transform } from '../transform.ts';
import { addedBy, cutTo, type Framed, framed, framesOf, type Tokens } from './frame.ts';
import { portable } from './portable.ts';

/** What padding is made of and where it goes; `tokenizer_config.json` says, as for the Python library. */
interface Padding {
  readonly id: number;
  /** Of `token_type_ids`. */
  readonly typeId: number;
  readonly left: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const ROWS: readonly TensorMetadata[] = [{ name: 'text', datatype: 'BYTES', shape: [-1] }];
const PAIRS: readonly TensorMetadata[] = [
  ...ROWS,
  { name: 'text_pair', datatype: 'BYTES', shape: [-1], optional: true },
];

/** The inputs that models of this kind have, and what fills each from a row. */
const FILLS: Readonly<Record<string, (row: Row) => readonly number[]>> = {
  input_ids: ({ ids }) => ids,
  attention_mask: ({ mask }) => mask,
  token_type_ids: ({ types }) => types,
};

interface Row extends Framed {
  readonly mask: readonly number[];
}

/** @throws Error naming the file that is missing, no JSON, or holds what is not known */
export function tokenize(options: TokenizeOptions): Transform {
  const description = readJson(join(options.directory, 'tokenizer.json'));
  const configFile = join(options.directory, 'tokenizer_config.json');
  const config = existsSync(configFile) ? readJson(configFile) : {};
  const tokenizer = new Tokenizer(portable(description), config);
  const unknown = unknownOf(tokenizer, description);
  const padding = paddingOf(tokenizer, description, config);
  const shape = shaper(description, config, options);
  const encode = (text: string): Tokens =>
    tokenizer.encode(text, { add_special_tokens: false }).ids.flatMap((id: number | undefined) => id ?? unknown ?? []);
  return {
    inputs: PAIRS,
    preprocess(request, { metadata, tensor, texts }) {
      const { first, second } = textsOf(request.inputs, texts);
      const encoded = first.map((each, row) => {
        const other = second?.[row];
        return shape(row, encode(each), other === undefined ? undefined : encode(other));
      });
      const length = options.pad === 'max' ? options.maxTokens : Math.max(0, ...encoded.map(({ ids }) => ids.length));
      const rows = encoded.map((each) => padTo(each, length, padding));
      const inputs = wantedInputs(metadata).map(({ name, datatype, shape: axes }) => {
        const values = rows.flatMap(FILLS[name] as (row: Row) => readonly number[]);
        return tensor(name, datatype, axes.length === 1 ? [values.length] : [rows.length, length], values);
      });
      return { ...request, inputs };
    },
  };
}

/** One text a row, or two: `text` and `text_pair`. @throws Failure 400 */
function textsOf(
  inputs: readonly Tensor[],
  texts: (tensor: Tensor) => readonly string[],
): { readonly first: readonly string[]; readonly second: readonly string[] | undefined } {
  const pair = inputs.find(({ name }) => name === 'text_pair');
  const [text, ...more] = inputs.filter((each) => each !== pair);
  if (!text || more.length > 0)
    throw refuse(`a request has one input of texts here, and "text_pair" beside it, not ${inputs.length} inputs`);
  const first = texts(text);
  const second = pair && texts(pair);
  if (second && second.length !== first.length)
    throw refuse(`"text_pair" has ${second.length} rows, and "${text.name}" has ${first.length}`);
  return { first, second };
}

/** Tokens of one row → the same with what stands around them, within `maxTokens`. */
function shaper(description: Json, config: Json, { maxTokens, truncate }: TokenizeOptions) {
  const frames = framesOf(description.post_processor as Json | null);
  const own = (description.truncation ?? {}) as { readonly direction?: string };
  const side = (config.truncation_side as string | undefined) ?? own.direction?.toLowerCase();
  const cut = (tokens: Tokens, keep: number) =>
    side === 'left' ? tokens.slice(tokens.length - keep) : tokens.slice(0, keep);
  return (row: number, A: Tokens, B: Tokens | undefined): Framed => {
    const frame = B ? frames.pair : frames.single;
    const added = addedBy(frame);
    const length = A.length + (B?.length ?? 0) + added;
    if (length <= maxTokens) return framed(frame, { A, B: B ?? [] });
    if (!truncate) throw refuse(`text ${row} has ${length} tokens, and ${maxTokens} are the limit`);
    if (added > maxTokens) throw refuse(`text ${row}: ${maxTokens} tokens leave no room beside ${added} special ones`);
    const [first, second] = cutTo(maxTokens - added, [A.length, B?.length], truncate, row);
    return framed(frame, { A: cut(A, first), B: cut(B ?? [], second) });
  };
}

function readJson(file: string): Json {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Json;
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

/** @throws Failure 400 when the model takes something that tokens cannot fill */
function wantedInputs({ name, inputs }: ModelMetadata): readonly TensorMetadata[] {
  const odd = inputs.find((input) => !Object.hasOwn(FILLS, input.name));
  if (odd || inputs.length === 0)
    throw refuse(`model "${name}" takes "${odd?.name}", and tokenize gives ${Object.keys(FILLS).join(', ')}`);
  return inputs;
}

function padTo({ ids, types }: Framed, length: number, { id, typeId, left }: Padding): Row {
  const missing = Math.max(0, length - ids.length);
  const pad = (values: readonly number[], by: number): number[] => {
    const fill = new Array<number>(missing).fill(by);
    return left ? [...fill, ...values] : [...values, ...fill];
  };
  return { ids: pad(ids, id), types: pad(types, typeId), mask: pad(new Array<number>(ids.length).fill(1), 0) };
}

/** A model of whole words has no id for others; without a token for them they are left out. */
function unknownOf(tokenizer: Tokenizer, { model }: Json): number | undefined {
  const { unk_token: token } = (model ?? {}) as { readonly unk_token?: string };
  return token === undefined ? undefined : tokenizer.token_to_id(token);
}

function paddingOf(tokenizer: Tokenizer, description: Json, config: Json): Padding {
  const own = (description.padding ?? {}) as {
    readonly pad_id?: number;
    readonly pad_type_id?: number;
    readonly direction?: string;
  };
  const named = config.pad_token as string | { readonly content?: string } | undefined;
  const token = typeof named === 'object' ? named?.content : named;
  const id = token === undefined ? own.pad_id : tokenizer.token_to_id(token);
  const side = (config.padding_side as string | undefined) ?? own.direction?.toLowerCase();
  return {
    id: id ?? 0,
    typeId: (config.pad_token_type_id as number | undefined) ?? own.pad_type_id ?? 0,
    left: side === 'left',
  };
}
