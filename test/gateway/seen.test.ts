/**
 * What a watcher sees: a real Prometheus scrapes gateways under a little of everything. Each question of the dashboard has an
 * answer, the alert rules are taken, and one fires. There is no Grafana to be had here, but its SDK reads the dashboard.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { gatewayDashboard } from '../../scripts/gateway-dashboard.ts';
import { ROWS } from '../../scripts/gateway-panels.ts';
import { freePorts } from '../../scripts/group.ts';
import { installVenv, startServer } from '../../scripts/servers.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { noPromtool, rulesOf } from '../unit/support/alert-rules.ts';
import { noRedis } from './redis.ts';
import { gatewayTo, gatewayWith, post, withTriton } from './triton.ts';

const RULES = join(import.meta.dirname, '../../docs/gateway-alerts.yaml');
/** Bounds a wait for what takes a few seconds. */
const SOON_MS = 120_000;
const both = withTriton(['echo_fp32', 'fail', 'gen']);
const undo: (() => unknown)[] = [];
let prometheus = '';
let traffic = Promise.resolve();

beforeAll(async () => {
  if (noPromtool) return;
  const gateways = await openGateways();
  const stop = new AbortController();
  traffic = keepAsking(gateways, stop.signal);
  undo.unshift(
    () => stop.abort(),
    () => traffic,
  );
  prometheus = await startPrometheus(Object.values(gateways).map(({ port }) => port));
}, 300_000);

afterAll(async () => {
  for (const each of undo) await each();
});

/** What no Triton answers: explanations, and OpenAI's API. */
async function fakeServer(): Promise<number> {
  const usage = { prompt_tokens: 3, completion_tokens: 2 };
  const answers: Readonly<Record<string, string>> = {
    '/v1/models/m:explain': '{"explanations": [1]}',
    '/v1/completions': JSON.stringify({ choices: [], usage }),
    '/v1/chat/completions': `data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`,
  };
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', request.url?.includes('chat') ? 'text/event-stream' : 'application/json');
    response.end(answers[request.url ?? ''] ?? '{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

type Gateways = Readonly<Record<'main' | 'transforming' | 'explaining' | 'talking' | 'queued', Gateway>>;

/** A Redis that is gone with the file. */
async function queueSettings(): Promise<Readonly<Record<string, string>>> {
  if (noRedis) return {};
  const [port = 0] = await freePorts(1);
  const argv = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const redis = spawn('redis-server', argv, { stdio: 'ignore' });
  undo.push(() => void redis.kill('SIGKILL'));
  return {
    MUSTER_GATEWAY_QUEUE_REDIS: `redis://127.0.0.1:${port}`,
    MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET: 'a secret of more than sixteen bytes',
  };
}

/** Several, so that everything that is counted happens: canary, shadow, cache; a transform; explanations; OpenAI's API; jobs. */
async function openGateways(): Promise<Gateways> {
  const { grpcPort } = both.triton;
  const [nobody = 0] = await freePorts(1);
  const named = `localhost:${grpcPort}`; // a name, so that its addresses are counted
  const dir = mkdtempSync(join(tmpdir(), 'seen-'));
  const pass = join(dir, 'pass.mjs');
  writeFileSync(pass, 'export const preprocess = (request) => request;\n');
  const main = await gatewayTo(
    grpcPort,
    `--predictor_host=${named}`,
    '--predictor_request_retries=1',
    '--cache_models=echo_fp32',
    `--canary_host=127.0.0.1:${nobody}`,
    '--canary_percent=0',
    `--shadow_host=${named}`,
    '--shadow_percent=100',
  );
  const queued = await gatewayWith(await queueSettings(), grpcPort, ['--queue_callback_hosts=127.0.0.1,127.0.0.0/8']);
  const transforming = await gatewayTo(grpcPort, `--transform=${pass}`, '--cache_features=*');
  const fake = await fakeServer();
  const explaining = await gatewayTo(fake, '--predictor_protocol=v1');
  const talking = await gatewayTo(fake, '--predictor_protocol=openai', '--model_name=m');
  const gateways = { main, transforming, explaining, talking, queued };
  undo.push(async () => {
    for (const each of Object.values(gateways)) await each.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return gateways;
}

/** Clients of all kinds, again and again. */
async function keepAsking(gateways: Gateways, signal: AbortSignal): Promise<void> {
  const { main, transforming, explaining, talking, queued } = gateways;
  const [echo, stream] = ['/v2/models/echo_fp32/infer', '/v2/models/gen/generate_stream'];
  const tensor = { name: 'IN', datatype: 'FP32', shape: [1, 2], data: [1, 2.5] };
  const body = JSON.stringify({ inputs: [tensor] });
  const later = { prefer: 'respond-async', 'x-callback-url': `http://127.0.0.1:${talking.port}/` };
  for (; !signal.aborted; await sleep(200)) {
    const fresh = JSON.stringify({ inputs: [{ ...tensor, data: [Math.random(), 1] }] });
    const refused = JSON.stringify({ inputs: [{ name: 'IN', datatype: 'INT32', shape: [1], data: [1] }] });
    const words = JSON.stringify({ text_input: 'a b c', delay_ms: 5 });
    await Promise.all([
      post(main.port, echo, body),
      post(main.port, echo, fresh, { 'x-muster-variant': 'canary' }),
      post(main.port, '/v1/models/echo_fp32:predict', '{"instances": [[1, 2]]}'),
      post(main.port, '/v2/models/fail/infer', refused),
      post(main.port, stream, words),
      post(main.port, stream, words, { 'x-muster-resume': 'skip', 'last-event-id': '0' }),
      post(main.port, '/v2/models/nope/infer', body),
      post(transforming.port, echo, body),
      post(transforming.port, echo, fresh),
      post(queued.port, echo, body, later),
      post(explaining.port, '/v1/models/m:explain', '{"instances": [1]}'),
      post(talking.port, '/v1/completions', '{"model": "m", "prompt": "a"}'),
      post(talking.port, '/v1/chat/completions', '{"model": "m", "messages": [], "stream": true}'),
    ]);
  }
}

/** @returns its address */
async function startPrometheus(ports: readonly number[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const [httpPort = 0] = await freePorts(1);
  // The rules as they are, and the same without the time that a condition must last.
  const atOnce = rulesOf(RULES).map(({ for: _, alert, ...rule }) => ({ alert: `${alert}AtOnce`, ...rule }));
  writeFileSync(join(dir, 'at-once.yaml'), stringify({ groups: [{ name: 'at-once', rules: atOnce }] }));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [RULES, 'at-once.yaml'],
    scrape_configs: [{ job_name: 'muster', static_configs: [{ targets: ports.map((port) => `127.0.0.1:${port}`) }] }],
  };
  writeFileSync(join(dir, 'prometheus.yaml'), stringify(config));
  const args = [
    `--config.file=${join(dir, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${httpPort}`,
  ];
  const server = await startServer({ what: 'Prometheus', program: 'prometheus', args, httpPort, path: '/-/ready' });
  undo.unshift(async () => {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${httpPort}`;
}

async function api<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
  const response = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
  if (status !== 'success') throw new Error(`${path}: ${error}`);
  return data;
}

interface Drawn {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Choice {
  readonly name: string;
  readonly type: string;
  readonly query: { readonly query: string };
}

interface Dashboard {
  readonly panels: readonly Drawn[];
  readonly templating: { readonly list: readonly Choice[] };
}

const dashboard = JSON.parse(gatewayDashboard()) as Dashboard;

const QUEUED = new Set(ROWS.at(-1)!.panels.map(({ title }) => title));

/** As Grafana would ask with everything chosen. */
const filled = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '30s').replaceAll(/\$(instance|api|model_name)\b/g, '.*');

test.for(dashboard.panels.filter(({ targets }) => targets))(
  '"$title" shows data',
  async ({ title, targets = [] }, { skip }) => {
    if (noPromtool) skip(noPromtool);
    if (noRedis && QUEUED.has(title)) skip(noRedis);
    for (const { expr } of targets)
      await expect.poll(() => numbersOf(filled(expr)), { timeout: SOON_MS, interval: 500 }).not.toEqual([]);
  },
);

async function numbersOf(query: string): Promise<number[]> {
  const { result } = await api<{ result: { value: [number, string] }[] }>('query', { query });
  return result.map(({ value: [, text] }) => Number(text)).filter((each) => !Number.isNaN(each));
}

test.for(dashboard.templating.list.filter(({ type }) => type === 'query'))(
  '$name can be chosen',
  async (variable, { skip }) => {
    if (noPromtool) skip(noPromtool);
    const { name, query } = variable;
    const [, metric = ''] = /^label_values\((\w+), \w+\)$/.exec(query.query) ?? [];
    const values = () => api<string[]>(`label/${name}/values`, { 'match[]': metric });
    await expect.poll(values, { timeout: SOON_MS }).not.toEqual([]);
  },
);

interface Group {
  readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
}

test('the alert rules are taken and work', async ({ skip }) => {
  if (noPromtool) skip(noPromtool);
  const names = rulesOf(RULES).map(({ alert }) => alert);
  const healthy = async () => {
    const { groups } = await api<{ groups: Group[] }>('rules');
    return groups.flatMap(({ rules }) => rules.filter(({ health }) => health === 'ok').map(({ name }) => name));
  };
  await expect.poll(healthy, { timeout: SOON_MS }).toEqual(expect.arrayContaining(names));
});

test('more than one failure in twenty fires an alert that says what to do', async ({ skip }) => {
  if (noPromtool) skip(noPromtool);
  interface Alert {
    readonly state: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }
  const firing = async () => {
    const { alerts } = await api<{ alerts: Alert[] }>('alerts');
    return alerts.find(({ state, labels }) => state === 'firing' && labels.alertname === 'MusterGatewayFailingAtOnce');
  };
  await expect.poll(firing, { timeout: SOON_MS }).toMatchObject({
    labels: { severity: 'critical' },
    annotations: { summary: expect.stringMatching(/^More than 5 % of the requests of 127\.0\.0\.1:\d+ fail$/) },
  });
});

test("Grafana's own SDK knows every field of the dashboard", () => {
  const home = installVenv('grafana-venv', 'grafana-foundation-sdk==1769699379!11.6.0');
  const dir = mkdtempSync(join(tmpdir(), 'dashboard-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'dashboard.json'), gatewayDashboard());
  const argv = [join(import.meta.dirname, 'peers/grafana_read.py'), join(dir, 'dashboard.json')];
  const read = JSON.parse(execFileSync(join(home, 'bin/python'), argv, { encoding: 'utf8' }));
  expect(read).toMatchObject(JSON.parse(gatewayDashboard())); // it adds defaults
});
