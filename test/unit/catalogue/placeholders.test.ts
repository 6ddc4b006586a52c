import { expect, test } from 'vitest';
import { fill, placeholdersIn } from '../../../src/launch/catalogue/placeholders.ts';

test.each([
  { arg: 'x', want: [] },
  { arg: '{model}', want: ['model'] },
  { arg: '{a}:{b_c}', want: ['a', 'b_c'] },
  { arg: '{a}{a}', want: ['a', 'a'] },
  { arg: '{{a}}', want: ['a'] },
  { arg: '{"a": {"b": 1}}', want: [] },
  { arg: '{A} { a } {a-b} {a1} {}', want: [] },
])('placeholders in $arg → $want', ({ arg, want }) => {
  expect(placeholdersIn(arg)).toEqual(want);
});

test.each([
  { arg: '{a}:{b}', values: { a: '1', b: '2' }, want: '1:2' },
  { arg: '{a}', values: { a: '{b}', b: 'x' }, want: '{b}' },
  { arg: '{a}', values: { a: '$&$1$`' }, want: '$&$1$`' },
  { arg: '{a}', values: { a: '' }, want: '' },
  { arg: '{a}', values: { a: undefined }, want: undefined },
  { arg: '{a}{b}', values: { a: '1' }, want: undefined },
  { arg: '{constructor}', values: {}, want: undefined },
  { arg: '{__proto__}', values: {}, want: undefined },
  { arg: 'x', values: {}, want: 'x' },
])('fill $arg with $values → $want', ({ arg, values, want }) => {
  expect(fill(arg, values)).toBe(want);
});
