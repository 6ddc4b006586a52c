/** docs/gateway-dashboard.json: panels that say what to do, over metrics that the gateway has, and none forgotten. */
import { expect, test } from 'vitest';
import { gatewayDashboard } from '../../../scripts/gateway-dashboard.ts';
import { ROWS } from '../../../scripts/gateway-panels.ts';
import { metricNames } from './metric-names.ts';

/** Metrics without a panel, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  muster_gateway_info: 'what is spoken to the predictor does not change',
};

const panels = ROWS.flatMap((row) => row.panels);
const asked = new Set(
  panels.flatMap(({ queries }) =>
    queries.flatMap(([expr]) =>
      [...expr.matchAll(/\b(?:muster_gateway|request)_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, '')),
    ),
  ),
);

test('each metric is in a panel, or left out on purpose: add it to scripts/gateway-panels.ts, then npm run docs', async () => {
  expect([...asked, ...Object.keys(LEFT_OUT)].sort()).toEqual((await metricNames()).sort());
});

test.each(panels.map((panel) => ({ ...panel })))(
  '"$title" has a unit, says what to do, and names its lines',
  (panel) => {
    expect(panel.unit).toMatch(/^(reqps|ops|s|short|percentunit|Bps)$/);
    expect(panel.text).toMatch(/^[\s\S]{60,400}\.$/);
    expect(panel.text).toMatch(/\bWhen /);
    for (const [, legend] of panel.queries) expect(legend).not.toBe('');
  },
);

interface Drawn {
  readonly id: number;
  readonly title: string;
  readonly gridPos: Readonly<Record<'h' | 'w' | 'x' | 'y', number>>;
}

test('panels have ids of their own, and none covers another', () => {
  const drawn = (JSON.parse(gatewayDashboard()) as { panels: Drawn[] }).panels;
  expect(new Set(drawn.map(({ id }) => id)).size).toBe(drawn.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const places = drawn.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  );
  expect(new Set(places).size).toBe(places.length);
  expect(Math.max(...drawn.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
});
