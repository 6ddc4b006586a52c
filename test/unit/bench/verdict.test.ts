import { describe, expect, test } from 'vitest';
import type { Row } from '../../../src/bench/summary.ts';
import { times, verdict } from '../../../src/bench/verdict.ts';
import type { Way } from '../../../src/bench/ways.ts';
import { leftOut, ROWS, row } from './rows.ts';

const said = (rows: readonly Row[], inUse?: Way | null) =>
  verdict(rows, (inUse && { way: inUse, how: 'a muster gateway' }) || (inUse as null | undefined));

describe('the verdict', () => {
  test('names the cheapest way, and what each other one takes', () => {
    expect(said(ROWS)[0]).toBe(
      'gRPC, raw is the cheapest for this model; next to it REST, JSON takes 44 times the CPU, 29 times the time and 4.8 times the bytes; ' +
        'and gRPC, typed lists takes 11 times the CPU, 6.5 times the time and the same bytes.',
    );
  });

  test('names the trap: gRPC with typed lists', () => {
    expect(said(ROWS)).toContain('gRPC alone is not it: as typed lists every value is written by itself.');
    expect(said(ROWS.filter(({ way }) => way !== 'typed')).join()).not.toContain('gRPC alone');
  });

  test.each<{ when: string; rows?: readonly Row[]; inUse?: Way | null; has: string; hasNot?: string }>([
    { when: 'nobody was asked', has: '--listen PORT', hasNot: 'Yours' },
    { when: 'who was asked does not tell', inUse: null, has: 'timing is no proof', hasNot: 'Yours' },
    {
      when: 'JSON is in use',
      inUse: 'json',
      has: 'Yours goes REST, JSON now (a muster gateway): gRPC, raw would take 44 times less CPU of it.',
    },
    {
      when: 'lists are in use',
      inUse: 'typed',
      has: 'Yours goes gRPC, typed lists now (a muster gateway): gRPC, raw would take 11 times less CPU of it.',
    },
    {
      when: 'raw is in use',
      inUse: 'raw',
      has: 'Yours goes gRPC, raw now (a muster gateway): leave it as it is.',
      hasNot: 'To change',
    },
    {
      when: 'one that is about as good is in use',
      inUse: 'binary',
      has: 'Yours goes REST, binary now (a muster gateway): leave it as it is.',
      hasNot: 'To change',
    },
    {
      when: 'one that was not measured is in use',
      rows: [row('raw'), leftOut('json', 'x'), row('typed')],
      inUse: 'json',
      has: 'that way was not measured here',
      hasNot: 'undefined',
    },
    {
      when: 'all are alike',
      rows: [row('raw'), row('json', { cpuMs: 0.8 }), row('typed', { p50: 12 })],
      has: 'hardly differ',
      hasNot: 'To change',
    },
    {
      when: 'JSON is the cheapest',
      rows: [row('raw'), row('json', { cpuMs: 0.1, p50: 9 })],
      has: 'REST, JSON is the cheapest',
      hasNot: 'To change',
    },
    { when: 'only one works', rows: [row('raw'), leftOut('json', 'x')], has: 'Only gRPC, raw could be measured' },
    { when: 'none was answered', rows: [row('raw', { answered: 0 })], has: 'No way was measured' },
    { when: 'yours is fast', rows: [...ROWS, row('through', { cpuMs: 0.01 })], has: 'gRPC, raw is the cheapest' },
  ])('when $when', ({ rows = ROWS, inUse, has, hasNot }) => {
    const words = said(rows, inUse).join('\n');
    expect(words).toContain(has);
    if (hasNot !== undefined) expect(words).not.toContain(hasNot);
    expect(words).not.toMatch(/NaN|undefined|Infinity/);
  });

  test.each([
    { ratio: 1.04, want: '1.0 times' },
    { ratio: 9.94, want: '9.9 times' },
    { ratio: 9.96, want: '10 times' },
    { ratio: 43.6, want: '44 times' },
  ])('$ratio is $want', ({ ratio, want }) => {
    expect(times(ratio)).toBe(want);
  });
});
