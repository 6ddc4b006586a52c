import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKS } from '../../../src/doctor/checks.ts';

test('docs/doctor.md has a row for each check, in their order, and for those of the group', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8');
  const [, checks = ''] = text.split('## The checks\n');
  const [table = ''] = checks.split('\n\n`/dev/shm`');
  expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)).toEqual([
    ...Object.keys(CHECKS),
    'group',
    'reach',
  ]);
});
