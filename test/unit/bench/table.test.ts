import { describe, expect, test } from 'vitest';
import { jsonText, number, tableText, WHOSE_CPU } from '../../../src/bench/table.ts';
import { leftOut, REPORT, ROWS, row } from './rows.ts';

describe('the table', () => {
  test('has a line for each way, with bytes and units, and says whose CPU it is', () => {
    expect(tableText(REPORT).split('\n').slice(0, 9)).toEqual([
      'resnet at triton:8001, REST triton:8000: image FP32 [1,224,224,3], 602,112 bytes of tensors',
      '3 rounds of 5 s a way, 8 at once; medians of the rounds',
      '',
      'way                    request    answer      p50      p99  requests/s  CPU/request  errors',
      'REST, JSON         2,900,240 B  19,436 B   294 ms   771 ms        25.2      30.8 ms  none',
      'gRPC, typed lists    602,156 B   4,044 B  64.5 ms  78.3 ms         127      7.95 ms  none',
      'REST, binary         602,276 B   4,044 B  12.2 ms  21.5 ms         880      0.83 ms  none',
      'gRPC, raw            602,156 B   4,044 B    10 ms    20 ms       1,000       0.7 ms  none',
      '',
    ]);
    expect(tableText(REPORT)).toContain(WHOSE_CPU);
  });

  test('says why a way was left out, and what errors there were', () => {
    const failing = row('raw', { errors: [{ kind: 'gRPC 8', words: 'Exceeds maximum queue size', count: 12 }] });
    const text = tableText({ ...REPORT, rows: [leftOut('json', 'no --rest host:port was given'), failing] });
    expect(text).toContain('\nREST, JSON: left out, for no --rest host:port was given\n');
    expect(text).toContain('  12 × gRPC 8\n');
    expect(text).toContain('\ngRPC, raw: 12 × gRPC 8: Exceeds maximum queue size\n');
  });

  test('a way that got no answer has no numbers', () => {
    const text = tableText({
      ...REPORT,
      rows: [row('raw', { p50: Number.NaN, p99: Number.NaN, perSecond: Number.NaN, cpuMs: Number.NaN })],
    });
    expect(text).not.toContain('NaN');
    expect(text).toMatch(/gRPC, raw +602,156 B +4,044 B +- +- +- +- +none/);
  });

  test('as JSON is one line that reads back', () => {
    const text = jsonText({ ...REPORT, rows: [...ROWS, leftOut('through', 'x')] });
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toMatchObject({
      model: 'resnet',
      rows: [{ way: 'json', sent: 2_900_240 }, {}, {}, {}, { p50: null }],
    });
  });
});

test.each([
  { value: 0.6941, want: '0.694' },
  { value: 10, want: '10' },
  { value: 99.96, want: '100' },
  { value: 1240.4, want: '1,240' },
  { value: Number.NaN, want: '-' },
])('$value is $want', ({ value, want }) => {
  expect(number(value)).toBe(want);
});
