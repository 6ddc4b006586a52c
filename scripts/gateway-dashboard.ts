/**
 * docs/gateway-dashboard.json: the gateway's metrics as a Grafana dashboard, from the rows of gateway-panels.ts. `npm run docs`
 * writes it; tests ask a real Prometheus each of its questions, and look for a metric that is in no panel.
 */
import { ROWS, type Row } from './gateway-panels.ts';

const SOURCE = { type: 'prometheus', uid: '$datasource' } as const;
const COLUMNS = 24;
const HEIGHT = 8;

/** Panels of a row share its width. */
function panelsOf({ title, panels }: Row, id: number, top: number): object[] {
  const width = Math.floor(COLUMNS / panels.length);
  const head = { id, type: 'row', title, collapsed: false, gridPos: { h: 1, w: COLUMNS, x: 0, y: top }, panels: [] };
  const drawn = panels.map((panel, at) => ({
    id: id + 1 + at,
    type: 'timeseries',
    title: panel.title,
    description: panel.text,
    datasource: SOURCE,
    gridPos: { h: HEIGHT, w: width, x: at * width, y: top + 1 },
    fieldConfig: {
      defaults: { unit: panel.unit, min: 0, custom: { drawStyle: 'line', fillOpacity: 10, showPoints: 'never' } },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: panel.queries.map(([expr, legendFormat], query) => ({
      refId: String.fromCharCode(65 + query),
      datasource: SOURCE,
      expr,
      legendFormat,
      range: true,
    })),
  }));
  return [head, ...drawn];
}

const choice = (name: string, label: string, metric: string) => ({
  name,
  label,
  type: 'query',
  datasource: SOURCE,
  query: { query: `label_values(${metric}, ${name})`, refId: `Choices-${name}` },
  includeAll: true,
  allValue: '.*',
  multi: true,
  current: { selected: true, text: ['All'], value: ['$__all'] },
  refresh: 2,
  sort: 1,
});

/** Of classic form, as Grafana exports and imports it. */
export function gatewayDashboard(): string {
  let next = 1;
  const panels = ROWS.flatMap((row, at) => {
    const drawn = panelsOf(row, next, at * (HEIGHT + 1));
    next += drawn.length;
    return drawn;
  });
  const dashboard = {
    uid: 'muster-gateway',
    title: 'muster gateway',
    description: 'docs/gateway-watch.md says how to import it, and what to do when a panel is high.',
    tags: ['muster'],
    schemaVersion: 42,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    timezone: 'browser',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
        choice('instance', 'Gateway', 'muster_gateway_requests_in_flight'),
        choice('api', 'API', 'muster_gateway_requests_total'),
        choice('model_name', 'Model', 'muster_gateway_requests_total'),
      ],
    },
    annotations: { list: [] },
    links: [],
    panels,
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
