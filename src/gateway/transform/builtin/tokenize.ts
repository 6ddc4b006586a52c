/**
 * Text → token ids, by a Hugging Face `tokenizer.json`: what a Python transformer does with `AutoTokenizer(texts,
 * padding=…, truncation=…)`, by the library of the same makers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { refuse } from '../../failure.ts';
import type { ModelMetadata, TensorMetadata } from '../../protocol/infer.ts';
import type { TokenizeOptions, Transform } from '../transform.ts';

/** One text, with its special tokens. */
export interface Encoded {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** What padding is made of and where it goes; `tokenizer_config.json` says, as for the Python library. */
interface Padding {
  readonly id: number;
  readonly left: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const ROWS: readonly TensorMetadata[] = [{ name: 'text', datatype: 'BYTES', shape: [-1] }];

/** The inputs that models of this kind have, and what fills each from a row. */
const FILLS: Readonly<Record<string, (row: Row) => readonly number[]>> = {
  input_ids: ({ ids }) => ids,
  attention_mask: ({ mask }) => mask,
  token_type_ids: ({ types }) => types,
};

interface Row extends Encoded {
  readonly mask: readonly number[];
}

/** @throws Error naming the file that is missing or no JSON */
export function tokenize(options: TokenizeOptions): Transform {
  const description = readJson(join(options.directory, 'tokenizer.json'));
  const configFile = join(options.directory, 'tokenizer_config.json');
  const config = existsSync(configFile) ? readJson(configFile) : {};
  const tokenizer = new Tokenizer(description, config);
  const padding = paddingOf(tokenizer, description, config);
  return {
    inputs: ROWS,
    preprocess(request, { metadata, tensor, texts }) {
      const [text, ...more] = request.inputs;
      if (!text || more.length > 0) throw refuse(`a request has one input of texts here, not ${request.inputs.length}`);
      const encoded = texts(text).map((each, row) => within(encode(tokenizer, each), row, options));
      const length = options.pad === 'max' ? options.maxTokens : Math.max(0, ...encoded.map(({ ids }) => ids.length));
      const rows = encoded.map((each) => padTo(each, length, padding));
      const inputs = wantedInputs(metadata).map(({ name, datatype, shape }) => {
        const values = rows.flatMap(FILLS[name] as (row: Row) => readonly number[]);
        return tensor(name, datatype, shape.length === 1 ? [values.length] : [rows.length, length], values);
      });
      return { ...request, inputs };
    },
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

const encode = (tokenizer: Tokenizer, text: string): Encoded & { readonly bare: () => readonly number[] } => {
  const { ids, token_type_ids: types } = tokenizer.encode(text, { return_token_type_ids: true });
  return { ids, types, bare: () => tokenizer.encode(text, { add_special_tokens: false }).ids };
};

/** Within `maxTokens`: cut from the end of the text, so that what the tokenizer puts around it stays. */
function within(
  encoded: Encoded & { readonly bare: () => readonly number[] },
  row: number,
  { maxTokens, truncate }: TokenizeOptions,
): Encoded {
  const { ids, types } = encoded;
  const over = ids.length - maxTokens;
  if (over <= 0) return { ids, types };
  if (!truncate) throw refuse(`text ${row} has ${ids.length} tokens, and ${maxTokens} are the limit`);
  const text = encoded.bare();
  const from = placeOf(text, ids);
  const end = from + text.length;
  const keep = <T>(all: readonly T[]): readonly T[] => [...all.slice(0, Math.max(from, end - over)), ...all.slice(end)];
  return { ids: keep(ids).slice(0, maxTokens), types: keep(types).slice(0, maxTokens) };
}

/** Where `part` begins in `whole`; 0 where it is not found as it is. */
function placeOf(part: readonly number[], whole: readonly number[]): number {
  for (let at = 0; at + part.length <= whole.length; at += 1)
    if (part.every((id, i) => whole[at + i] === id)) return at;
  return 0;
}

function padTo({ ids, types }: Encoded, length: number, { id, left }: Padding): Row {
  const missing = Math.max(0, length - ids.length);
  const pad = (values: readonly number[], by: number): readonly number[] => {
    const fill = new Array<number>(missing).fill(by);
    return left ? [...fill, ...values] : [...values, ...fill];
  };
  return { ids: pad(ids, id), types: pad(types, 0), mask: pad(new Array<number>(ids.length).fill(1), 0) };
}

function paddingOf(tokenizer: Tokenizer, description: Json, config: Json): Padding {
  const own = (description.padding ?? {}) as { readonly pad_id?: number; readonly direction?: string };
  const named = config.pad_token as string | { readonly content?: string } | undefined;
  const token = typeof named === 'object' ? named?.content : named;
  const id = token === undefined ? own.pad_id : tokenizer.token_to_id(token);
  const side = (config.padding_side as string | undefined) ?? own.direction?.toLowerCase();
  return { id: id ?? 0, left: side === 'left' };
}
