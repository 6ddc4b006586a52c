/** docs/faults.md tells the truth: each fault is proven by a test that runs. (That it is current: generated.test.ts.) */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { proofs, proofsIn } from '../../../scripts/faults.ts';
import { FAULTS } from '../../faults.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PROOFS = proofs();
/** Not written out, for this file is searched too. */
const [ONE, TWO] = ['(fault ', '(faults '].map((mark, index) => `${mark}${['3', '3, 17'][index]})`);

test.each(Object.entries(FAULTS))('fault %s has a test: $fault', (number) => {
  expect(PROOFS.filter(({ faults }) => faults.includes(Number(number)))).not.toEqual([]);
});

test('no mark is of a fault that nobody has described', () => {
  expect(PROOFS.filter(({ faults }) => faults.some((number) => !(number in FAULTS)))).toEqual([]);
});

test('a mark anywhere but at the end of a title would go unseen', () => {
  for (const file of new Set(PROOFS.map((proof) => proof.file))) {
    const marks = readFileSync(join(ROOT, file), 'utf8').match(/\(faults? \d[\d, ]*\)['"`]/g) ?? [];
    expect([file, marks.length]).toEqual([file, PROOFS.filter((proof) => proof.file === file).length]);
  }
});

test.each([...new Set(PROOFS.map(({ file }) => file))])('%s skips nothing without a reason', (file) => {
  expect(readFileSync(join(ROOT, file), 'utf8')).not.toMatch(/\b(?:test|describe)\.(?:skip|todo|only|fails)\(/);
});

test.each([
  { what: 'a plain test', text: `test('it holds ${ONE}', () => {`, title: 'it holds', faults: [3] },
  { what: 'two faults', text: `test("can't ${TWO}", async () => {`, title: "can't", faults: [3, 17] },
  { what: 'a table', text: `  ])('$when → $want ${ONE}', ({ x }) => {`, title: '$when → $want', faults: [3] },
  { what: 'a title on a line of its own', text: `test(\n  'it ${ONE}',\n  () => {`, title: 'it', faults: [3] },
  { what: 'an escape', text: `test('it\\'s ${ONE}', () => {`, title: "it's", faults: [3] },
])('$what is found', ({ text, title, faults }) => {
  expect(proofsIn('f', text)).toEqual([{ file: 'f', title, faults }]);
});

test.each([
  { what: 'no mark', text: `test('it holds', () => {` },
  { what: 'a comment', text: `// test it ${ONE}` },
  { what: 'a value of a table', text: `{ when: 'it holds ${ONE}', want: 1 },` },
])('$what is none', ({ text }) => {
  expect(proofsIn('f', text)).toEqual([]);
});
