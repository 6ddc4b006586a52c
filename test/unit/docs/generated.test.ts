import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DOCUMENTS } from '../../../scripts/docs.ts';

const docs = join(import.meta.dirname, '../../../docs');

test.each(Object.entries(DOCUMENTS))('docs/%s is what `npm run docs` writes today', (name, text) => {
  expect(readFileSync(join(docs, name), 'utf8')).toBe(text());
});
