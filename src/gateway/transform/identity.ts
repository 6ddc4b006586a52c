/** What a transform is made of, as one hash: features that another one has made are not its own. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChosenTransform } from './choose.ts';
import type { TransformChoice } from './transform.ts';

/**
 * SHA-256 over its name, its options and the bytes of its files. What a module imports is not in it.
 *
 * @returns base64url; a file that is not there is as one that is empty, for loading the transform says so
 */
export async function identityOf({ name, choice }: ChosenTransform): Promise<string> {
  const hash = createHash('sha256').update(`${name}\n${JSON.stringify(choice)}\n`);
  for (const file of filesOf(choice)) {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    hash.update(`${bytes.length}\n`).update(bytes);
  }
  return hash.digest('base64url');
}

function filesOf(choice: TransformChoice): readonly string[] {
  switch (choice.kind) {
    case 'module':
      return [choice.path];
    case 'tokenize':
      return ['tokenizer.json', 'tokenizer_config.json'].map((file) => join(choice.options.directory, file));
    case 'classify':
      return choice.options.labelsFile === undefined ? [] : [choice.options.labelsFile];
    case 'image':
      return [];
  }
}
