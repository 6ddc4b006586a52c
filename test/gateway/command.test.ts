/** `muster gateway` as its users start it: the built program, a real Triton behind it, signals, and as a runtime. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../scripts/group.ts';
import { post, withTriton } from './triton.ts';

const BIN = join(import.meta.dirname, '../../dist/bin.js');
const both = withTriton(['echo_fp32', 'slow']);

interface Started {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line that matches. */
  says(what: RegExp): Promise<string>;
  readonly ended: Promise<number | null>;
}

function muster(argv: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [BIN, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  createInterface({ input: child.stderr! }).on('line', (line) => {
    lines.push(line);
    for (const each of waiting) each(line);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const says = (what: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = (line: string) => what.test(line) && resolve(line);
      waiting.add(look);
      lines.forEach(look);
      ended.then(() => reject(new Error(`it ended and did not say ${what}:\n${lines.join('\n')}`)));
    });
  return { child, lines, says, ended };
}

const toTriton = () => [
  '--model_name=echo_fp32,slow',
  `--predictor_host=127.0.0.1:${both.triton.grpcPort}`,
  '--predictor_protocol=grpc-v2',
];
const portOf = (line: string): number => Number(/on port (\d+)/.exec(line)?.[1]);
const slowly = (seconds: number) =>
  JSON.stringify({ inputs: [{ name: 'seconds', datatype: 'FP32', shape: [1], data: [seconds] }] });

describe('muster gateway', () => {
  test('takes the arguments of a KServe transformer container, serves, and drains on SIGTERM with status 0', async () => {
    const started = muster([
      'gateway',
      ...toTriton(),
      '--http_port',
      '0',
      '--workers=1',
      '--enable_docs_url=true',
      '--drain_seconds=2',
    ]);
    const port = portOf(await started.says(/serving .* on port/));
    expect(started.lines.join('\n')).toContain('--workers has no effect');
    const underWay = post(port, '/v2/models/slow/infer', slowly(4));
    await expect.poll(() => metrics(port), { timeout: 30_000 }).toContain('muster_gateway_requests_in_flight 1');
    started.child.kill('SIGTERM');
    await started.says(/SIGTERM: draining/);
    expect((await fetch(`http://127.0.0.1:${port}/v2/health/ready`)).status).toBe(503);
    expect((await post(port, '/v2/models/slow/infer', slowly(0))).status).toBe(200);
    expect((await underWay).status).toBe(200);
    expect(await started.ended).toBe(0);
  });

  test('a second signal closes at once', async () => {
    const started = muster(['gateway', ...toTriton(), '--http_port=0', '--drain_seconds=3600']);
    const port = portOf(await started.says(/serving .* on port/));
    const underWay = post(port, '/v2/models/slow/infer', slowly(20)).catch(() => 'cut');
    await expect.poll(() => metrics(port), { timeout: 30_000 }).toContain('muster_gateway_requests_in_flight 1');
    started.child.kill('SIGTERM');
    await started.says(/draining/);
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(0);
    expect(await underWay).toBe('cut');
  });

  test('a port that is taken is said, with status 78', async () => {
    const argv = ['gateway', ...toTriton(), `--http_port=${both.gateway.port}`, '--host=127.0.0.1'];
    const started = muster(argv);
    expect(await started.ended).toBe(78);
    expect(started.lines.join('\n')).toContain(`PORT_TAKEN the HTTP port ${both.gateway.port} is taken by process `);
  });

  test('everything that is wrong is said at once, with status 64', async () => {
    const started = muster(['gateway', '--bogus', '--http_port=x']);
    expect(await started.ended).toBe(64);
    for (const what of ['--bogus', '--http_port is "x"', '--predictor_host is missing'])
      expect(started.lines.join('\n')).toContain(what);
  });
});

test('muster launch transformer becomes it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'path-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  symlinkSync(BIN, join(dir, 'muster'));
  const [port = 0, grpcPort] = await freePorts(2);
  const ports = [`--http_port=${port}`, `--grpc_port=${grpcPort}`];
  const args = [...ports, '--drain_seconds=0', '--predictor_protocol=grpc-v2', '--model_name=echo_fp32'];
  const started = muster(['launch', 'transformer', '--probe-port=0', '--', ...args], {
    PREDICTOR_HOST: `127.0.0.1:${both.triton.grpcPort}`,
    PATH: [dir, dirname(process.execPath), process.env.PATH].join(delimiter),
  });
  await started.says(/serving echo_fp32/);
  expect((await fetch(`http://127.0.0.1:${port}/v2/health/ready`)).status).toBe(200);
  started.child.kill('SIGTERM');
  expect(await started.ended).toBe(0);
});

const metrics = (port: number) => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
