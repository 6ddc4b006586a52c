import { expect, test } from 'vitest';
import { mirrorsIn } from '../../../scripts/engine/debian.ts';

test.each([
  { form: 'one line', text: 'deb http://a/debian bookworm main', want: ['http://a/debian'] },
  {
    form: 'one line with options',
    text: 'deb [signed-by=/k arch=amd64] http://a/debian bookworm main',
    want: ['http://a/debian'],
  },
  { form: 'a comment, and sources of packages', text: '# deb http://a\ndeb-src http://b x main', want: [] },
  {
    form: 'fields',
    text: 'Types: deb\nURIs: http://a/debian/  http://b\nSuites: bookworm',
    want: ['http://a/debian/', 'http://b'],
  },
  { form: 'nothing', text: '', want: [] },
])('mirrorsIn: $form', ({ text, want }) => {
  expect(mirrorsIn(text)).toEqual(want);
});
