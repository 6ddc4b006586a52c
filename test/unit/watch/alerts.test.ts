/** docs/alerts.yaml: rules that Prometheus takes, over metrics that muster has, that fire when they should. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { BoardKeeper } from '../../../src/launch/watch/board-keeper.ts';
import { openMetrics } from '../../../src/launch/watch/metrics.ts';
import { SELF } from './fixture.ts';

const FILE = join(import.meta.dirname, '../../../docs/alerts.yaml');
const DOCUMENT = join(import.meta.dirname, '../../../docs/probes.md');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups } = parse(readFileSync(FILE, 'utf8')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

async function metricNames(): Promise<string[]> {
  const keeper = new BoardKeeper(SELF, () => 0);
  const input = {
    keeper,
    group: () => ({ members: [], leaseMs: 1 }),
    version: '1',
    now: () => 0,
    tlsValidUntil: () => 1,
  };
  const text = await (await openMetrics(input)).text();
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}

test('each rule says how bad, what, and what to do, and asks for metrics that are there', async () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  const names = new Set(await metricNames());
  for (const { alert, expr, labels, annotations } of rules) {
    expect({ alert, severity: labels.severity }).toEqual({
      alert,
      severity: expect.stringMatching(/^(warning|critical)$/),
    });
    expect(annotations).toEqual({ summary: expect.any(String), description: expect.any(String) });
    for (const [name] of expr.matchAll(/muster_\w+/g)) expect(names).toContain(name);
  }
});

test('docs/probes.md has each metric and no other', async () => {
  const rows = readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `(muster_\w+)/gm);
  expect([...rows].map(([, name]) => name).sort()).toEqual((await metricNames()).sort());
});

const missing = spawnSync('promtool', ['--version']).error && 'no promtool on PATH (Debian: prometheus)';

test('promtool takes the rules', ({ skip }) => {
  if (missing) skip(missing);
  execFileSync('promtool', ['check', 'rules', FILE], { stdio: 'pipe' });
});

const HEAD = 'muster_member_info{instance="h",member="head",role="head"}';
const WORKER = 'muster_member_info{instance="w",member="worker-1",role="worker"}';
const minutes = (values: string, series: string) => ({ series, values });

/** One sample a minute. */
const CASES = [
  {
    alert: 'MusterGroupNotReady',
    at: '41m',
    series: [minutes('1x60', HEAD), minutes('0x60', 'muster_ready{instance="h"}')],
    fires: 1,
  },
  {
    alert: 'MusterGroupNotReady',
    at: '41m',
    series: [minutes('1x60', WORKER), minutes('0x60', 'muster_ready{instance="w"}')],
    fires: 0,
  },
  {
    alert: 'MusterReadinessLost',
    at: '14m',
    series: [minutes('1x30', HEAD), minutes('1x10 0x20', 'muster_ready{instance="h"}')],
    fires: 1,
  },
  {
    alert: 'MusterReadinessLost',
    at: '14m',
    series: [minutes('1x30', HEAD), minutes('0x30', 'muster_ready{instance="h"}')],
    fires: 0,
  },
  {
    alert: 'MusterLeaseMarginLow',
    at: '5m',
    series: [
      minutes('0.5x9', 'muster_lease_margin_seconds{instance="h"}'),
      minutes('3x9', 'muster_lease_seconds{instance="h"}'),
    ],
    fires: 1,
  },
  {
    alert: 'MusterLeaseMarginLow',
    at: '5m',
    series: [
      minutes('2.1x9', 'muster_lease_margin_seconds{instance="h"}'),
      minutes('3x9', 'muster_lease_seconds{instance="h"}'),
    ],
    fires: 0,
  },
  {
    alert: 'MusterMemberGone',
    at: '5m',
    series: [
      minutes('1x9', 'muster_started{instance="h"}'),
      minutes('1x9', 'muster_members{instance="h",state="gone"}'),
    ],
    fires: 1,
  },
  {
    alert: 'MusterRestartBudgetBurning',
    at: '9m',
    series: [
      minutes('1x2 2x2 3x9', 'muster_generation{instance="h"}'),
      minutes('3x20', 'muster_restarts_limit{instance="h"}'),
    ],
    fires: 1,
  },
  {
    alert: 'MusterRestartBudgetBurning',
    at: '9m',
    series: [
      minutes('1x2 2x9', 'muster_generation{instance="h"}'),
      minutes('3x20', 'muster_restarts_limit{instance="h"}'),
    ],
    fires: 0,
  },
];

test('they fire when they should and not when not, says promtool', ({ skip }) => {
  if (missing) skip(missing);
  const directory = mkdtempSync(join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  // promtool compares labels and words too: what it says an alert is, is counted instead.
  const bare = rules.map(({ annotations, labels, ...rule }) => rule);
  writeFileSync(join(directory, 'rules.yaml'), stringify({ groups: [{ name: 'muster', rules: bare }] }));
  const tests = CASES.map(({ alert, at, series, fires }) => ({
    interval: '1m',
    input_series: series,
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
        eval_time: at,
        exp_samples: [{ labels: '{}', value: fires }],
      },
    ],
  }));
  const file = join(directory, 'tests.yaml');
  writeFileSync(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '30s', tests }));
  execFileSync('promtool', ['test', 'rules', file], { stdio: 'pipe', encoding: 'utf8' });
});
