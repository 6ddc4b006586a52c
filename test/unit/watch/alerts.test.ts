/** docs/alerts.yaml: rules that Prometheus takes, over metrics that muster has, that fire when they should. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BoardKeeper } from '../../../src/launch/watch/board-keeper.ts';
import { openMetrics } from '../../../src/launch/watch/metrics.ts';
import {
  type AlertCase,
  checkRules,
  expectSound,
  fireAsTold,
  minutes,
  noPromtool,
  rulesOf,
} from '../support/alert-rules.ts';
import { SELF } from './fixture.ts';

const FILE = join(import.meta.dirname, '../../../docs/alerts.yaml');
const DOCUMENT = join(import.meta.dirname, '../../../docs/probes.md');

const rules = rulesOf(FILE);

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
  expectSound(rules, await metricNames());
});

test('docs/probes.md has each metric and no other', async () => {
  const rows = readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `(muster_\w+)/gm);
  expect([...rows].map(([, name]) => name).sort()).toEqual((await metricNames()).sort());
});

test('promtool takes the rules', ({ skip }) => {
  if (noPromtool) skip(noPromtool);
  checkRules(FILE);
});

const HEAD = 'muster_member_info{instance="h",member="head",role="head"}';
const WORKER = 'muster_member_info{instance="w",member="worker-1",role="worker"}';

const CASES: readonly AlertCase[] = [
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
  if (noPromtool) skip(noPromtool);
  fireAsTold(rules, CASES);
});
