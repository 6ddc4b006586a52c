/** `muster bench protocols` as users run it, on a real Triton; and before it KServe's own transformer, caught in the act. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MUSTER, root } from '../../scripts/group.ts';
import { startKserve } from '../../scripts/kserve.ts';
import { startTriton, type Triton } from '../../scripts/triton.ts';
import { openStandIn } from '../../src/bench/listen/stand-in.ts';
import type { Row } from '../../src/bench/summary.ts';
import type { Report } from '../../src/bench/table.ts';
import { gatewayTo, post } from './triton.ts';

let triton: Triton;
beforeAll(async () => {
  triton = await startTriton({ models: ['thousand', 'identity', 'gen', 'echo_fp16', 'echo_bytes', 'echo_int64'] });
}, 600_000);
afterAll(() => triton?.kill());

async function bench(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  const where = ['--upstream', `127.0.0.1:${triton.grpcPort}`, '--rest', `127.0.0.1:${triton.httpPort}`];
  const few = ['--requests', '12', '--rounds', '2', '--concurrency', '2'];
  const child = spawn(MUSTER[0], [MUSTER[1], 'bench', 'protocols', ...where, ...few, ...argv], { cwd: root });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += String(text)));
  child.stderr.on('data', (text) => (said.err += String(text)));
  const [status] = (await once(child, 'close')) as [number];
  return { status, ...said };
}

async function report(...argv: string[]): Promise<Report & { row: (way: string) => Row }> {
  const { out, err } = await bench(...argv, '--json');
  if (out === '') throw new Error(err);
  const read = JSON.parse(out) as Report;
  return { ...read, row: (way) => read.rows.find((each) => each.way === way)! };
}

describe('the four ways to a model that takes a picture', () => {
  test('each is measured, with its exact bytes', async () => {
    const { rows, row, tensorBytes, inputs } = await report('--model', 'thousand');
    expect(inputs).toBe('image FP32 [1,224,224,3]');
    expect(tensorBytes).toBe(602_112);
    for (const each of rows) expect(each).toMatchObject({ answered: 24, errors: [] });
    // A model of 8 letters, an id of 5, an input of 5.
    expect(row('raw').sent).toBe(602_156);
    expect(row('typed').sent).toBe(602_162);
    expect(row('binary').sent).toBeLessThan(602_400);
    expect(row('json').sent).toBeGreaterThan(2_750_000);
    expect(row('json').got).toBeGreaterThan(4 * row('raw').got);
    expect(row('raw').got).toBe(row('typed').got);
  });

  test('as a table; the deployment in use is a muster gateway, and it says so', async () => {
    const gateway = await gatewayTo(triton.grpcPort);
    onTestFinished(() => gateway.close());
    const { status, out } = await bench('--model', 'thousand', '--through', `http://127.0.0.1:${gateway.port}`);
    expect(status).toBe(0);
    expect(out).toMatch(/^gRPC, raw +602,156 B/m);
    expect(out).toMatch(/^through yours, JSON +2,9/m);
    expect(out).toContain('Yours goes gRPC, raw now (a muster gateway with --predictor_protocol grpc-v2)');
    expect(out).toMatch(/CPU: of this client/);
  });
});

describe('other models', () => {
  test.each([
    { model: 'echo_int64', shape: 'IN=1x64' },
    { model: 'echo_bytes', shape: 'IN=2x3' },
  ])('$model takes what is made up, in all four ways', async ({ model, shape }) => {
    const { rows } = await report('--model', model, '--shape', shape);
    expect(rows.map(({ answered }) => answered)).toEqual([24, 24, 24, 24]);
  });

  test('FP16 has no JSON and no list: these ways are left out, with Triton’s own words', async () => {
    const { row } = await report('--model', 'echo_fp16');
    expect(row('json').leftOut).toContain('FP16 data via JSON is not supported');
    expect(row('typed').leftOut).toContain('no list for FP16');
    expect([row('binary').answered, row('raw').answered]).toEqual([24, 24]);
  });

  test.each([
    { what: 'a decoupled one', argv: ['--model', 'gen'], says: 'the model is decoupled' },
    { what: 'one that is not there', argv: ['--model', 'nosuch'], says: "'nosuch' is not found" },
    {
      what: 'a shape it does not take',
      argv: ['--model', 'thousand', '--shape', 'image=1x2x2x3'],
      says: 'unexpected shape for input',
    },
  ])('$what is refused in words', async ({ argv, says }) => {
    const { status, out, err } = await bench(...argv);
    expect({ status, out }).toEqual({ status: 69, out: '' });
    expect(err).toContain(says);
  });
});

describe('the hop of KServe’s own transformer', () => {
  test.each([
    { protocol: 'grpc-v2', said: /\d × gRPC, typed lists: ModelInfer/ },
    { protocol: 'v2', said: /\d × REST, JSON: V2 infer/ },
  ])('with --predictor_protocol $protocol, asked in JSON', async ({ protocol, said }) => {
    const address = (port: number) => ({ host: '127.0.0.1', port });
    const settings = {
      grpc: address(triton.grpcPort),
      rest: address(triton.httpPort),
      tls: undefined,
      listen: address(0),
      requests: undefined,
    };
    const open = await openStandIn(settings, { say: () => {}, answered: () => {} });
    onTestFinished(() => open.close());
    const kserve = await startKserve(
      join(root, 'scripts/bench/kserve_transformer.py'),
      '--model_name=identity',
      `--predictor_host=127.0.0.1:${open.port}`,
      `--predictor_protocol=${protocol}`,
    );
    onTestFinished(() => kserve.kill());
    const body = { inputs: [{ name: 'IN', datatype: 'FP32', shape: [1, 1, 1, 4], data: [1, 2, 3, 4.5] }] };
    const reply = await post(kserve.httpPort, '/v2/models/identity/infer', JSON.stringify({ id: 'a', ...body }), {
      'content-type': 'application/json',
    });
    expect({ status: reply.status, data: JSON.parse(reply.text).outputs?.[0]?.data }).toEqual({
      status: 200,
      data: [1, 2, 3, 4.5],
    });
    expect(open.text()).toMatch(said);
    expect(open.text()).toContain('To change');
  });
});
