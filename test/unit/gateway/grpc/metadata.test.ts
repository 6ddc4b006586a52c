import { describe, expect, test } from 'vitest';
import { isGrpc, percentEncoded, timeoutMs } from '../../../../src/gateway/grpc/metadata.ts';
import { percentDecoded } from '../../../../src/wire/frame.ts';

describe('timeoutMs', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['250m', 250],
    ['99999999u', 99_999.999],
    ['5n', 0.000_005],
    ['0S', 0],
    [undefined, Number.POSITIVE_INFINITY],
  ])('%s is %d', (header, ms) => expect(timeoutMs(header)).toBeCloseTo(ms, 9));

  test.each(['', '5', 'm', '123456789m', '-1S', '1.5S', '1s', ' 1S'])('"%s" is refused', (header) =>
    expect(() => timeoutMs(header)).toThrow('grpc-timeout'),
  );
});

test.each([
  ['application/grpc', true],
  ['application/grpc+proto', true],
  ['application/grpc; charset=utf-8', true],
  ['APPLICATION/GRPC', true],
  ['application/grpc+json', false],
  ['application/grpc-web', false],
  ['application/json', false],
  [undefined, false],
])('isGrpc(%s) is %s', (type, is) => expect(isGrpc(type)).toBe(is));

describe('percentEncoded', () => {
  test.each(['plain', '100 %', 'Zeile\n2', '€ 5', '\u0000\u007f', '💥', 'a%20b', ' got [2]. '])(
    '%j survives',
    (text) => {
      expect(percentEncoded(text)).toMatch(/^([!-~]([ -~]*[!-~])?)?$/);
      expect(percentDecoded(percentEncoded(text))).toBe(text);
    },
  );

  test('a long one is cut between characters', () => {
    const text = percentDecoded(percentEncoded('💥'.repeat(5_000)));
    expect(text.length).toBeLessThanOrEqual(2_000);
    expect(text.isWellFormed()).toBe(true);
  });
});
