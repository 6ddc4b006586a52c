/** Which requests go elsewhere, and what the settings must say for that. */

import { describe, expect, test } from 'vitest';
import type { InferRequest } from '../../../../src/gateway/protocol/infer.ts';
import { resolveGateway } from '../../../../src/gateway/settings.ts';
import { isAmong } from '../../../../src/gateway/upstream/variants.ts';
import fc from '../../../property.ts';

const request = (parameters: InferRequest['parameters'] = {}): InferRequest => ({
  model: 'm',
  version: '',
  id: '',
  parameters,
  inputs: [],
  outputs: [],
});
const named = (id: string) => ({ headers: { 'x-request-id': id } });
const NAMELESS = { headers: {} };
const percents = fc.integer({ min: 0, max: 100 });
const dices = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('isAmong', () => {
  test('0 percent are none, and 100 all', () => {
    fc.assert(
      fc.property(fc.string(), dices, (id, dice) => {
        for (const call of [named(id), NAMELESS]) {
          expect(isAmong({ percent: 0, of: 'canary', dice }, request(), call)).toBe(false);
          expect(isAmong({ percent: 100, of: 'canary', dice }, request(), call)).toBe(true);
        }
      }),
    );
  });

  test('one x-request-id, or one sequence, has one answer, and stays when there are more percent', () => {
    fc.assert(
      fc.property(fc.string(), fc.tuple(percents, percents), fc.tuple(dices, dices), (id, two, [dice, other]) => {
        const [percent, larger] = [Math.min(...two), Math.max(...two)];
        const ways: [InferRequest, { headers: Record<string, string> }][] = [
          [request(), named(id)],
          [request({ sequence_id: 7 }), named(id)],
        ];
        for (const [asked, call] of ways) {
          const first = isAmong({ percent, of: 'canary', dice }, asked, call);
          expect(isAmong({ percent, of: 'canary', dice: other }, asked, call)).toBe(first);
          if (first) expect(isAmong({ percent: larger, of: 'canary', dice }, asked, call)).toBe(true);
        }
      }),
    );
  });

  test('a sequence counts before an id, and without either the dice do', () => {
    const sequence = request({ sequence_id: 7 });
    const answers = Array.from({ length: 50 }, (_, id) =>
      isAmong({ percent: 50, of: 'canary', dice: 0 }, sequence, named(String(id))),
    );
    expect(new Set(answers).size).toBe(1);
    expect(isAmong({ percent: 50, of: 'canary', dice: 0.49 }, request(), NAMELESS)).toBe(true);
    expect(isAmong({ percent: 50, of: 'canary', dice: 0.5 }, request(), NAMELESS)).toBe(false);
  });

  test('ids are spread: 20 % of many are about a fifth, and not the same ones for canary and shadow', () => {
    const ids = Array.from({ length: 10_000 }, (_, id) => `request-${id}`);
    const part = (of: 'canary' | 'shadow') =>
      ids.filter((id) => isAmong({ percent: 20, of, dice: 0 }, request(), named(id)));
    const [canary, shadow] = [part('canary'), new Set(part('shadow'))];
    expect(canary.length).toBeGreaterThan(1_800);
    expect(canary.length).toBeLessThan(2_200);
    const both = canary.filter((id) => shadow.has(id)).length;
    expect(both).toBeGreaterThan(300);
    expect(both).toBeLessThan(500);
  });
});

describe('the settings of canary and shadow', () => {
  const resolve = (...argv: string[]) => resolveGateway(['--predictor_host=p:9000', ...argv], {});

  test('name more predictors, and let the wish of a client through', () => {
    const { settings } = resolve('--canary_host=c:1', '--canary_percent=5', '--shadow_host=s', '--shadow_percent=10');
    expect(settings).toMatchObject({ canary: { host: 'c', port: 1 }, shadow: { host: 's', port: 80 } });
    expect(settings?.forward_headers).toContain('x-muster-variant');
    expect(resolve().settings?.forward_headers).not.toContain('x-muster-variant');
  });

  test.each([
    { argv: ['--canary_percent=5'], says: '--canary_percent is 5, and --canary_host is missing' },
    { argv: ['--shadow_percent=5'], says: '--shadow_percent is 5, and --shadow_host is missing' },
    { argv: ['--canary_host=a b'], says: '--canary_host is "a b", not host or host:port (IPv6: [::1]:9000)' },
    { argv: ['--shadow_host=s:0'], says: '--shadow_host is "s:0", not host or host:port (IPv6: [::1]:9000)' },
    {
      argv: ['--shadow_host=s', '--shadow_percent=101'],
      says: '--shadow_percent is "101", not a whole number from 0 to 100',
    },
  ])('$argv is refused', ({ argv, says }) => {
    expect(resolve(...argv).refusals.map(({ message }) => message)).toEqual([says]);
  });
});
