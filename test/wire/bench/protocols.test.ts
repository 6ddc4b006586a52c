/** A whole `muster bench protocols` against predictors that misbehave; real Triton is in test/gateway. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { event, fakePredictor, type Handler, INT8 } from '../gateway/fixture.ts';
import { fakeRest, json } from '../gateway/rest-fixture.ts';
import { bench, type Ran } from './bench.ts';

const metadata: Handler = (call) => {
  const inputs = [{ name: 'IN', datatype: 'INT8', shape: [-1] }];
  call.send('ModelMetadataResponse', { name: 'm', inputs });
  call.end();
};
const FEW = ['--model', 'm', '--requests', '4', '--rounds', '2', '--concurrency', '2', '--json'];
const rest = {
  'POST /v2/models/m/infer': json({
    model_name: 'm',
    outputs: [{ name: 'OUT', datatype: 'INT8', shape: [2], data: [1, 2] }],
  }),
};

const grpc = (port: number) => ['--upstream', `127.0.0.1:${port}`];
const http = (port: number) => ['--rest', `127.0.0.1:${port}`];
const rowsOf = ({ out }: Ran) =>
  Object.fromEntries((JSON.parse(out) as { rows: { way: string }[] }).rows.map((row) => [row.way, row])) as Record<
    string,
    Record<string, unknown>
  >;

describe('muster bench protocols', () => {
  test('measures all ways in turns, and says where it is', async () => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const server = await fakeRest(rest);
    const ran = await bench([...grpc(predictor.port), ...http(server.port), ...FEW]);
    expect(ran.status).toBe(0);
    const rows = rowsOf(ran);
    for (const way of ['json', 'typed', 'binary', 'raw']) expect(rows[way]).toMatchObject({ answered: 8, errors: [] });
    const turns = [...ran.err.matchAll(/round (\d) of 2, (\w+, \w+)/g)].map(([, round, way]) => `${round} ${way}`);
    expect(turns).toEqual(
      [1, 2].flatMap((round) =>
        ['REST, JSON', 'gRPC, typed', 'REST, binary', 'gRPC, raw'].map((way) => `${round} ${way}`),
      ),
    );
    expect(server.came.some(({ headers }) => headers['inference-header-content-length'] !== undefined)).toBe(true);
  });

  test('without --rest the REST ways are left out, and the table says why', async () => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const rows = rowsOf(await bench([...grpc(predictor.port), ...FEW]));
    expect(rows.json).toMatchObject({ leftOut: 'no --rest host:port was given', answered: 0 });
    expect(rows.raw).toMatchObject({ answered: 8 });
  });

  test('a way that the predictor refuses is left out with its words', async () => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const server = await fakeRest({ 'POST /v2/models/m/infer': json({ error: 'no binary here' }, 400) });
    const rows = rowsOf(await bench([...grpc(predictor.port), ...http(server.port), ...FEW]));
    expect(rows.binary).toMatchObject({ leftOut: 'its first request failed with HTTP 400: no binary here' });
    expect(rows.typed).toMatchObject({ answered: 8 });
  });

  test('errors are counted by kind', async () => {
    let calls = 0;
    const full: Handler = (call) => {
      calls += 1;
      if (calls > 2 && calls % 2 === 0) return call.end(8, 'the queue is full');
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    };
    const predictor = await fakePredictor({ ModelMetadata: metadata, ModelInfer: full });
    const rows = rowsOf(await bench([...grpc(predictor.port), ...FEW]));
    const [error] = (rows.raw?.errors ?? []) as { kind: string; words: string; count: number }[];
    expect(error).toMatchObject({ kind: 'gRPC 8', words: 'the queue is full' });
    expect(Number(rows.raw?.answered) + (error?.count ?? 0)).toBe(8);
  });

  test('the request of --body is sent as it is', async () => {
    const seen: number[][] = [];
    const infer: Handler = (call) => {
      seen.push(...call.infer.raw_input_contents.map((each) => [...each]));
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    };
    const predictor = await fakePredictor({ ModelMetadata: metadata, ModelInfer: infer });
    const body = inFile(JSON.stringify({ inputs: [{ name: 'IN', datatype: 'INT8', shape: [3], data: [7, 8, 9] }] }));
    expect((await bench([...grpc(predictor.port), ...FEW, '--body', body])).status).toBe(0);
    expect(new Set(seen.map(String))).toEqual(new Set(['7,8,9']));
  });

  test('a plot is written, and the table names the shape that was assumed', async () => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const file = inFile('');
    const ran = await bench([...grpc(predictor.port), ...FEW.slice(0, -1), '--svg', file]);
    expect(readFileSync(file, 'utf8')).toMatch(/^<svg /);
    expect(ran.out).toContain('open sizes of IN were taken as 1');
  });

  test('a plot that was there stays when nothing comes of this one', async () => {
    const predictor = await fakePredictor({ ModelMetadata: (call) => call.end(5, "'m' is not found") });
    const file = inFile('<svg of yesterday>');
    expect((await bench([...grpc(predictor.port), ...FEW, '--svg', file])).status).toBe(69);
    expect(readFileSync(file, 'utf8')).toBe('<svg of yesterday>');
  });

  test('a signal ends it within a round: 128 + n, and nothing is printed', async () => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const ran = await bench([...grpc(predictor.port), '--model', 'm', '--seconds', '600'], (line, signal) => {
      if (line.includes('round 1')) signal();
    });
    expect(ran).toMatchObject({ status: 130, out: '' });
  });

  test.each<{ when: string; handlers: (began: () => void) => Readonly<Record<string, Handler>> }>([
    { when: 'its first request', handlers: (began) => ({ ModelMetadata: metadata, ModelInfer: began }) },
    { when: 'the look at the model', handlers: (began) => ({ ModelMetadata: began }) },
  ])('a signal ends it while $when is not answered', async ({ handlers }) => {
    const began = event();
    const predictor = await fakePredictor(handlers(began.happened));
    let signal = () => {};
    const ending = bench([...grpc(predictor.port), ...FEW], undefined, (given) => {
      signal = given;
    });
    await began.came;
    signal();
    expect(await ending).toMatchObject({ status: 130, out: '' });
  });
});

describe('what is in use', () => {
  const info = (protocol: string) => ({
    ...rest,
    'GET /metrics': (_: unknown, response: { end(text: string): unknown }) =>
      void response.end(`muster_gateway_info{predictor_protocol="${protocol}"} 1\n`),
  });

  test.each([
    {
      what: 'a muster gateway says it',
      handlers: info('v1'),
      says: 'Yours goes REST, JSON now (a muster gateway with --predictor_protocol v1: JSON rows)',
    },
    { what: 'another transformer does not', handlers: rest, says: 'timing is no proof' },
  ])('$what; it is measured too', async ({ handlers, says }) => {
    const predictor = await fakePredictor({ ModelMetadata: metadata });
    const transformer = await fakeRest(handlers);
    const ran = await bench([...grpc(predictor.port), ...FEW, '--through', `http://127.0.0.1:${transformer.port}`]);
    expect((JSON.parse(ran.out) as { verdict: string[] }).verdict.join('\n')).toContain(says);
    expect(rowsOf(ran).through).toMatchObject({ answered: 8 });
  });
});

describe('it is refused', () => {
  test.each<{
    when: string;
    handlers: Readonly<Record<string, Handler>>;
    argv?: string[];
    status: number;
    says: string;
  }>([
    {
      when: 'there is no such model',
      handlers: { ModelMetadata: (call) => call.end(5, "'m' is not found") },
      status: 69,
      says: "BENCH_PREDICTOR 'm' is not found",
    },
    {
      when: 'the model is decoupled',
      handlers: {
        ModelMetadata: metadata,
        ModelInfer: (call) => call.end(12, "ModelInfer RPC doesn't support models with decoupled transaction policy"),
      },
      status: 69,
      says: 'the model is decoupled: it answers by a stream',
    },
    {
      when: 'the model takes the request in no way',
      handlers: { ModelMetadata: metadata, ModelInfer: (call) => call.end(3, 'no such ids') },
      status: 69,
      says: 'gRPC 3: no such ids',
    },
    {
      when: 'the file of --body is not there',
      handlers: { ModelMetadata: metadata },
      argv: ['--body', '/nowhere/request.json'],
      status: 65,
      says: '--body /nowhere/request.json holds no request',
    },
    {
      when: '--shape names no input',
      handlers: { ModelMetadata: metadata },
      argv: ['--shape', 'X=1'],
      status: 65,
      says: '--shape names "X"',
    },
    {
      when: 'the plot cannot be written',
      handlers: { ModelMetadata: metadata },
      argv: ['--svg', '/nowhere/plot.svg'],
      status: 73,
      says: '--svg /nowhere/plot.svg cannot be written',
    },
    {
      when: 'a file for TLS cannot be read',
      handlers: {},
      argv: ['--tls', '--tls-ca', '/nowhere/ca.pem'],
      status: 78,
      says: '--tls-ca cannot be read',
    },
  ])('when $when', async ({ handlers, argv = [], status, says }) => {
    const predictor = await fakePredictor(handlers);
    const ran = await bench([...grpc(predictor.port), ...FEW, ...argv]);
    expect(ran).toMatchObject({ status, out: '' });
    expect(ran.err).toContain(says);
  });

  test('when nobody listens', async () => {
    const predictor = await fakePredictor();
    await predictor.close();
    const ran = await bench([...grpc(predictor.port), ...FEW]);
    expect(ran).toMatchObject({ status: 69, out: '' });
    expect(ran.err).toContain('nobody listens on');
  });
});

/** A file that is gone with the test. */
function inFile(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'bench-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'file');
  writeFileSync(file, text);
  return file;
}
