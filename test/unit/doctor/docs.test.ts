import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKS } from '../../../src/doctor/checks.ts';

test('docs/doctor.md has a row for each check, in their order, and for those of the group', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(
    rows.filter((name) => name !== 'note' && name !== 'ok' && name !== name?.toUpperCase() && name !== 'refused'),
  ).toEqual([...Object.keys(CHECKS), 'group', 'reach']);
});
