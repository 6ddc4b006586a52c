import { describe, expect, test } from 'vitest';
import { scaleOf, svgText } from '../../../src/bench/svg.ts';
import { leftOut, REPORT, ROWS, row } from './rows.ts';

/** Every tag closed in its turn, attributes quoted, no bare & or <: what makes XML well-formed. @returns the texts */
function textsOf(xml: string): string[] {
  const open: string[] = [];
  const texts: string[] = [];
  let rest = xml;
  while (rest !== '') {
    const [text = ''] = /^[^<]*/.exec(rest) ?? [];
    expect(text).toMatch(/^(?:[^&]|&(?:amp|lt|gt|quot);)*$/);
    if (text.trim() !== '') texts.push(text);
    rest = rest.slice(text.length);
    if (rest === '') break;
    const [tag = '', closes, name = '', , alone] = /^<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<&]*")*)(\/?)>/.exec(rest) ?? [];
    expect(tag, rest.slice(0, 80)).not.toBe('');
    if (closes) expect(open.pop()).toBe(name);
    else if (!alone) open.push(name);
    rest = rest.slice(tag.length);
  }
  expect(open).toEqual([]);
  return texts;
}

describe('the plot', () => {
  const plot = svgText(REPORT);

  test('is well-formed', () => {
    expect(textsOf(plot).length).toBeGreaterThan(20);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(plot).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
  });

  test('has each way, each value with its unit, and says what the axes are', () => {
    const texts = textsOf(plot).join('\n');
    for (const words of [
      'REST, JSON',
      'gRPC, typed lists',
      'request, bytes',
      'ms/request',
      'requests per second',
      '2,900,240',
      '64.5 · 78.3',
      'logarithmic',
      '● p50, ○ p99',
    ])
      expect(texts).toContain(words);
  });

  test('says the same to who cannot see it', () => {
    expect(plot).toContain('role="img" aria-labelledby="t d"');
    expect(plot).toMatch(/<title id="t">Four ways to a predictor, resnet: image FP32 \[1,224,224,3\]<\/title>/);
    expect(plot).toContain(
      'REST, JSON: 2,900,240 bytes a request, p50 294 ms, p99 771 ms, 30.8 ms of CPU a request, 25.2 requests per second.',
    );
    expect(plot).toContain('gRPC, raw is the cheapest.');
  });

  test('follows light and dark', () => {
    expect(plot).toContain('@media(prefers-color-scheme:dark)');
  });

  test.each([
    { when: 'a name would break the markup', report: { ...REPORT, model: '<a href="x">&\u0007' } },
    { when: 'a way was left out', report: { ...REPORT, rows: [leftOut('json', 'no'), ...ROWS.slice(1)] } },
    { when: 'there is a fifth', report: { ...REPORT, rows: [...ROWS, row('through')] } },
    { when: 'all values are the same', report: { ...REPORT, rows: [row('raw'), row('typed')] } },
    { when: 'there is none', report: { ...REPORT, rows: [] } },
  ])('is well-formed when $when, and every point lies on it', ({ report }) => {
    const text = svgText(report);
    textsOf(text);
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
    const [, width = '', height = ''] = /viewBox="0 0 (\d+) (\d+)"/.exec(text) ?? [];
    for (const [, x, y] of text.matchAll(/cx="([\d.-]+)" cy="([\d.-]+)"/g)) {
      expect(Number(x)).toBeGreaterThan(0);
      expect(Number(x)).toBeLessThan(Number(width));
      expect(Number(y)).toBeLessThan(Number(height));
    }
  });
});

describe('a logarithmic axis', () => {
  test.each([
    { values: [25.2, 1240], ticks: [10, 100, 1000, 10_000] },
    { values: [0.694, 30.8], ticks: [0.1, 1, 10, 100] },
    { values: [10, 10], ticks: [10, 100] },
    { values: [10, 1000], ticks: [10, 100, 1000] },
    { values: [0.01, 9e5], ticks: [0.01, 1, 100, 10_000, 1_000_000] },
  ])('of $values has $ticks', ({ values, ticks }) => {
    const scale = scaleOf(values, 0, 100);
    expect(scale.ticks.map((tick) => Number(tick.toPrecision(6)))).toEqual(ticks);
    for (const each of values) {
      expect(scale.at(each)).toBeGreaterThanOrEqual(0);
      expect(scale.at(each)).toBeLessThanOrEqual(100);
    }
  });
});
