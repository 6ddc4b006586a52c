/** How many tokens a text is, by the tokenizer of the model. A file of its own, for it loads a library. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { MusterError } from '../../../errors.ts';
import { readJson } from './files.ts';
import type { CountTokens } from './reading.ts';

/** Characters; counting longer texts would hold all other requests up. */
const MAX_COUNTED = 64 * 1024;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** @throws MusterError TRANSFORM_INVALID naming the file */
export function openCounter(directory: string): CountTokens {
  const tokenizer = open(directory);
  const count = (text: string, special: boolean): number | undefined =>
    text.length > MAX_COUNTED ? undefined : tokenizer.encode(text, { add_special_tokens: special }).ids.length;
  return { prompt: (text, rendered) => count(text, !rendered), completion: (text) => count(text, false) };
}

function open(directory: string): Tokenizer {
  const config = join(directory, 'tokenizer_config.json');
  try {
    const description = readJson(join(directory, 'tokenizer.json'), MAX_FILE_BYTES);
    return new Tokenizer(description, existsSync(config) ? readJson(config, MAX_FILE_BYTES) : {});
  } catch (cause) {
    const message = `--tokenizer ${directory}: ${(cause as Error).message}`;
    const hint = 'Name the directory that holds tokenizer.json and tokenizer_config.json.';
    throw new MusterError({ code: 'TRANSFORM_INVALID', message, hint }, { cause });
  }
}
