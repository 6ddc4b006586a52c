/** docs/gateway-alerts.yaml: rules that Prometheus takes, over metrics that the gateway has, that fire when they should. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type AlertCase,
  checkRules,
  expectSound,
  fireAsTold,
  minutes,
  noPromtool,
  rulesOf,
} from '../support/alert-rules.ts';
import { metricNames } from './metric-names.ts';

const FILE = join(import.meta.dirname, '../../../docs/gateway-alerts.yaml');
const DOCS = join(import.meta.dirname, '../../../docs');
const rules = rulesOf(FILE);

test('each rule says how bad, what, and what to do, and asks for metrics that are there', async () => {
  expectSound(rules, await metricNames());
});

test('docs/gateway*.md have each metric and no other', async () => {
  const pages = readdirSync(DOCS).filter((name) => /^gateway.*\.md$/.test(name));
  const text = pages.map((name) => readFileSync(join(DOCS, name), 'utf8')).join('\n');
  const rows = text.matchAll(/^\| `((?:muster_gateway|request)_\w+)/gm);
  expect([...rows].map(([, name]) => name).sort()).toEqual((await metricNames()).sort());
});

test('promtool takes the rules', ({ skip }) => {
  if (noPromtool) skip(noPromtool);
  checkRules(FILE);
});

const requests = (code: string, values: string) =>
  minutes(values, `muster_gateway_requests_total{instance="g",api="v2",code="${code}"}`);
const endpoint = (address: string, state: string, values: string) =>
  minutes(values, `muster_gateway_endpoints{instance="g",upstream="predictor",address="${address}",state="${state}"}`);
const streams = (ended: string, values: string) =>
  minutes(values, `muster_gateway_streams_total{instance="g",model_name="m",ended="${ended}"}`);
const retries = (outcome: string, values: string) =>
  minutes(values, `muster_gateway_retries_total{instance="g",outcome="${outcome}"}`);

const jobs = (outcome: string, values: string) =>
  minutes(values, `muster_gateway_queue_jobs_total{instance="g",outcome="${outcome}"}`);
const callbacks = (outcome: string, values: string) =>
  minutes(values, `muster_gateway_queue_callbacks_total{instance="g",outcome="${outcome}"}`);
const oldest = (instance: string, values: string) =>
  minutes(values, `muster_gateway_queue_oldest_seconds{job="muster",instance="${instance}"}`);

const CASES: readonly AlertCase[] = [
  { alert: 'MusterGatewayJobsWait', at: '30m', series: [oldest('a', '1000x40'), oldest('b', '1000x40')], fires: 1 },
  { alert: 'MusterGatewayJobsWait', at: '30m', series: [oldest('a', '800x40')], fires: 0 },
  { alert: 'MusterGatewayJobsFail', at: '25m', series: [jobs('done', '0+9x30'), jobs('failed', '0+1x30')], fires: 1 },
  { alert: 'MusterGatewayJobsFail', at: '25m', series: [jobs('done', '0+9x30'), jobs('again', '0+9x30')], fires: 0 },
  { alert: 'MusterGatewayCallbacksFail', at: '25m', series: [callbacks('refused', '0+1x30')], fires: 1 },
  { alert: 'MusterGatewayCallbacksFail', at: '25m', series: [callbacks('delivered', '0+1x30')], fires: 0 },
  {
    alert: 'MusterGatewayFailing',
    at: '20m',
    series: [requests('200', '0+90x30'), requests('503', '0+10x30')],
    fires: 1,
  },
  {
    alert: 'MusterGatewayFailing',
    at: '20m',
    series: [requests('200', '0+99x30'), requests('503', '0+1x30')],
    fires: 0,
  },
  {
    alert: 'MusterGatewayFailing',
    at: '20m',
    series: [requests('200', '0+50x30'), requests('499', '0+50x30')],
    fires: 0,
  },
  { alert: 'MusterGatewayRefusing', at: '20m', series: [requests('429', '0+1x30')], fires: 1 },
  { alert: 'MusterGatewayRefusing', at: '20m', series: [requests('429', '5x30')], fires: 0 },
  {
    alert: 'MusterGatewayEndpointOut',
    at: '9m',
    series: [endpoint('a', 'closed', '1x9'), endpoint('b', 'open', '1x9')],
    fires: 1,
  },
  { alert: 'MusterGatewayEndpointOut', at: '9m', series: [endpoint('a', 'closed', '1x9')], fires: 0 },
  {
    alert: 'MusterGatewayNoEndpoint',
    at: '9m',
    series: [endpoint('a', 'open', '1x9'), endpoint('b', 'open', '1x9')],
    fires: 1,
  },
  {
    alert: 'MusterGatewayNoEndpoint',
    at: '9m',
    series: [endpoint('a', 'closed', '1x9'), endpoint('b', 'open', '1x9')],
    fires: 0,
  },
  { alert: 'MusterGatewayRetriesRefused', at: '20m', series: [retries('refused', '0+1x30')], fires: 1 },
  { alert: 'MusterGatewayRetriesRefused', at: '20m', series: [retries('sent', '0+1x30')], fires: 0 },
  {
    alert: 'MusterGatewayStreamsBreak',
    at: '25m',
    series: [streams('done', '0+9x30'), streams('late', '0+1x30')],
    fires: 1,
  },
  {
    alert: 'MusterGatewayStreamsBreak',
    at: '25m',
    series: [streams('done', '0+9x30'), streams('gone', '0+9x30')],
    fires: 0,
  },
];

test('they fire when they should and not when not, says promtool', ({ skip }) => {
  if (noPromtool) skip(noPromtool);
  fireAsTold(rules, CASES);
});
