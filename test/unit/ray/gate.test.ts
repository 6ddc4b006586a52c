import { describe, expect, test } from 'vitest';
import { type ExpectedNode, explainVerdict, judgeNodes } from '../../../src/launch/start/ray/gate.ts';
import type { RayNode } from '../../../src/launch/start/ray/gcs.ts';
import { lossOf } from '../../../src/launch/start/ray/watch-node.ts';
import fc from '../../property.ts';

const node = (name: string, more: Partial<RayNode> = {}): RayNode => ({
  id: '00',
  name,
  address: '10.0.0.1', // one for all: addresses must not matter
  managerPort: 1,
  alive: true,
  hostname: 'h',
  resources: { CPU: 4, GPU: 1 },
  isHead: false,
  death: undefined,
  ...more,
});
const dead = (name: string, message: string) => node(name, { alive: false, death: { reason: 2, message } });
const want = (member: string, rank: number, resources: Record<string, number> = { GPU: 1 }): ExpectedNode => ({
  name: `${member}-1f`,
  member,
  rank,
  resources,
});
const BOTH = [want('head', 0), want('w', 1)];

describe('judgeNodes', () => {
  test.each([
    { when: 'both alive', nodes: [node('w-1f'), node('head-1f')] },
    { when: 'a former life is listed dead', nodes: [node('head-1f'), node('w-1f'), dead('w-0e', 'old')] },
    { when: 'more resources than wanted', nodes: [node('head-1f', { resources: { GPU: 8 } }), node('w-1f')] },
    { when: 'its own name is listed dead and alive', nodes: [node('head-1f'), dead('w-1f', 'old'), node('w-1f')] },
  ])('$when → ok', ({ nodes }) => {
    expect(judgeNodes(nodes, BOTH)).toEqual({ ok: true });
  });

  test.each([
    { when: 'nobody', nodes: [], says: 'no Ray node of head (rank 0), w (rank 1) yet' },
    { when: 'one missing', nodes: [node('head-1f')], says: 'no Ray node of w (rank 1) yet' },
    {
      when: 'one dead',
      nodes: [node('head-1f'), dead('w-1f', 'missed heartbeats')],
      says: 'the Ray node of w (rank 1) is dead: missed heartbeats',
    },
    {
      when: 'one dead without a word',
      nodes: [node('head-1f'), dead('w-1f', '')],
      says: 'the Ray node of w (rank 1) is dead: Ray gave no reason',
    },
    {
      when: 'one with too little',
      nodes: [node('head-1f'), node('w-1f', { resources: { CPU: 1 } })],
      says: 'w (rank 1) has GPU 0 of 1',
    },
    {
      when: 'a stranger',
      nodes: [node('head-1f'), node('w-1f'), node('x-9a', { address: '10.0.0.9' })],
      says: 'node "x-9a" at 10.0.0.9 was announced by nobody',
    },
    {
      when: 'a former life is still alive',
      nodes: [node('head-1f'), node('w-0e')],
      says: 'no Ray node of w (rank 1) yet; node "w-0e" at 10.0.0.1 was announced by nobody',
    },
    {
      when: 'one name twice',
      nodes: [node('head-1f'), node('w-1f'), node('w-1f')],
      says: 'node "w-1f" at 10.0.0.1 was announced by nobody',
    },
  ])('$when → "$says"', ({ nodes, says }) => {
    const verdict = judgeNodes(nodes, BOTH);
    expect(verdict.ok).toBe(false);
    expect(explainVerdict(verdict)).toBe(says);
  });

  test('ok exactly when the living are the expected, each with enough', () => {
    const anyNode = fc.record({
      name: fc.constantFrom('head-1f', 'w-1f', 'w-0e', 'x-2a'),
      alive: fc.boolean(),
      gpus: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(anyNode, { maxLength: 5 }), (given) => {
        const nodes = given.map(({ name, alive, gpus }) => node(name, { alive, resources: { GPU: gpus } }));
        const living = nodes.filter(({ alive }) => alive);
        const exact =
          living
            .map(({ name }) => name)
            .sort()
            .join() === 'head-1f,w-1f' && living.every(({ resources }) => (resources.GPU ?? 0) >= 1);
        const verdict = judgeNodes(nodes, BOTH);
        expect(verdict.ok).toBe(exact);
        if (!verdict.ok)
          expect(
            verdict.missing.length + verdict.dead.length + verdict.short.length + verdict.strangers.length,
          ).toBeGreaterThan(0);
      }),
    );
  });
});

test.each([
  { when: 'alive', nodes: [node('w-1f')], want: undefined },
  { when: 'dead and alive', nodes: [dead('w-1f', 'x'), node('w-1f')], want: undefined },
  { when: 'dead', nodes: [dead('w-1f', 'x')], want: { kind: 'dead', message: 'x' } },
  { when: 'dead without a word', nodes: [dead('w-1f', '')], want: { kind: 'dead', message: 'Ray gave no reason' } },
  { when: 'unknown', nodes: [node('other')], want: { kind: 'forgotten', message: 'GCS knows no node named w-1f' } },
])('lossOf: $when', ({ nodes, want }) => {
  expect(lossOf(nodes, 'w-1f')).toEqual(want);
});
