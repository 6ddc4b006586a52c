/** Rows as a real run had them: an image tensor, Triton on the same machine. */
import type { Row } from '../../../src/bench/summary.ts';
import type { Report } from '../../../src/bench/table.ts';
import { type Measured, WAY_NAMES } from '../../../src/bench/ways.ts';

export const row = (way: Measured, over: Partial<Row> = {}): Row => ({
  way,
  name: WAY_NAMES[way],
  leftOut: undefined,
  sent: 602_156,
  got: 4_044,
  answered: 3_000,
  p50: 10,
  p99: 20,
  perSecond: 1_000,
  cpuMs: 0.7,
  errors: [],
  ...over,
});

export const ROWS: readonly Row[] = [
  row('json', { sent: 2_900_240, got: 19_436, p50: 294, p99: 771, perSecond: 25.2, cpuMs: 30.8 }),
  row('typed', { p50: 64.5, p99: 78.3, perSecond: 127, cpuMs: 7.95 }),
  row('binary', { sent: 602_276, p50: 12.2, p99: 21.5, perSecond: 880, cpuMs: 0.83 }),
  row('raw'),
];

export const leftOut = (way: Measured, why: string): Row =>
  row(way, {
    leftOut: why,
    answered: 0,
    sent: Number.NaN,
    got: Number.NaN,
    p50: Number.NaN,
    p99: Number.NaN,
    cpuMs: Number.NaN,
    perSecond: Number.NaN,
  });

export const REPORT: Report = {
  model: 'resnet',
  where: 'triton:8001, REST triton:8000',
  inputs: 'image FP32 [1,224,224,3]',
  tensorBytes: 602_112,
  how: '3 rounds of 5 s a way, 8 at once',
  rows: ROWS,
  verdict: ['gRPC, raw is the cheapest.'],
  notes: [],
};
