/** What is seen of requests from outside: the audit log, and traces at a collector that takes OTLP over HTTP. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { AuditLog, lineOf } from '../../../src/gateway/ops/audit.ts';
import { ask, BODY, fakePredictor, gateway, INFER, INT8 } from './fixture.ts';
import { grpcClient, RAW } from './grpc-client.ts';

function tempFile(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'muster-watched-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, name);
}

test('the audit log has a line for each request, the refused ones too, and nothing of what was in them', async () => {
  const file = tempFile('audit.jsonl');
  const { port } = await fakePredictor();
  const opened = await gateway(port, `--audit_log=${file}`);
  const headers = { authorization: 'Bearer very-secret', 'x-request-id': 'r-7' };
  await ask(opened.port, INFER, { body: BODY, headers });
  await ask(opened.port, INFER, { body: '{' });
  await opened.close();
  const text = readFileSync(file, 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ api: 'v2', model: 'm', status: 200, requestId: 'r-7', bytesIn: BODY.length });
  expect(lines[0].subject).toMatch(/^[0-9a-f]{16}$/);
  expect(lines[0].bytesOut).toBeGreaterThan(0);
  expect(lines[1]).toMatchObject({ api: 'v2', status: 400 });
  expect(lines[1].subject).toBeUndefined();
  expect(text).not.toContain('secret');
});

test('an audit log that cannot be written is refused at the start', async () => {
  const { port } = await fakePredictor();
  await expect(gateway(port, '--audit_log=/no/such/directory/audit')).rejects.toMatchObject({
    code: 'AUDIT_UNWRITABLE',
  });
});

test('a reader that does not read costs lines, not memory, and one line in the log says so', async () => {
  const complaints: string[] = [];
  const log = { error: (text: string) => complaints.push(text) } as never;
  const stuck = new Writable({ write: () => {} });
  const audit = new AuditLog(stuck, log);
  const audited = {
    api: 'v2',
    model: 'm'.repeat(1_000),
    version: '',
    status: 200,
    tookMs: 1,
    bytesIn: 1,
    bytesOut: 1,
    client: '',
    headers: {},
  };
  for (let at = 0; at < 50_000; at += 1) audit.write(audited, new Date(0));
  expect(stuck.writableLength).toBeLessThan(5 * 2 ** 20);
  expect(complaints).toHaveLength(1);
  expect(complaints[0]).toContain('its reader is slower than the requests');
  expect(String(lineOf(audited, new Date(0)).model)).toHaveLength(200);
});

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

const modelOf = ({ attributes }: Span) => attributes.find(({ key }) => key === 'muster.model')?.value.stringValue;

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: object }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A collector: keeps the spans that come as OTLP's JSON, and whose they are. */
async function collector() {
  const spans: Span[] = [];
  const services = new Set<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      for (const { resource, scopeSpans } of (JSON.parse(Buffer.concat(chunks).toString()) as Sent).resourceSpans) {
        services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value);
        for (const each of scopeSpans) spans.push(...each.spans);
      }
      response.end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, services };
}

test("a trace goes on from the client's through the hooks to the predictor", async () => {
  const { endpoint, spans, services } = await collector();
  const seen: string[] = [];
  const { port } = await fakePredictor({
    ModelInfer: (call) => {
      seen.push(call.headers.traceparent ?? '');
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    },
  });
  const negate = join(import.meta.dirname, 'transforms/negate.mjs');
  const opened = await gateway(port, `--otlp_endpoint=${endpoint}/`, `--transform=${negate}`);
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  expect((await ask(opened.port, INFER, { body: BODY, headers: { traceparent } })).status).toBe(200);
  await opened.close();
  const byName = (name: string) => spans.find((each) => each.name === name);
  const [request, predict, hook] = [byName('gateway v2'), byName('predict'), byName(`postprocess ${negate}`)];
  expect(spans.map((each) => each.traceId)).toEqual(spans.map(() => traceId));
  expect(request?.parentSpanId).toBe('b7ad6b7169203331');
  expect(predict?.parentSpanId).toBe(request?.spanId);
  expect(hook?.parentSpanId).toBe(request?.spanId);
  expect(seen).toEqual([`00-${traceId}-${predict?.spanId}-01`]);
  expect([...services]).toEqual([{ stringValue: 'muster-gateway' }]); // where collectors look for it
});

test('a failure marks its spans, and none are made where the client has decided so', async () => {
  const { endpoint, spans } = await collector();
  const { port } = await fakePredictor({ ModelInfer: (call) => call.end(14, 'away') });
  const opened = await gateway(port, `--otlp_endpoint=${endpoint}`);
  const unsampled = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`;
  await ask(opened.port, INFER, { body: BODY, headers: { traceparent: unsampled } });
  expect((await ask(opened.port, INFER, { body: BODY })).status).toBe(503);
  await opened.close();
  expect(spans.map(({ name, status }) => [name, status?.code])).toEqual(
    expect.arrayContaining([
      ['predict', 2],
      ['gateway v2', 2],
    ]),
  );
  expect(spans.some((each) => each.traceId === '1'.repeat(32))).toBe(false);
});

test('a span tells its model, whether the path named it or only the body did', async () => {
  const { endpoint, spans } = await collector();
  const { port } = await fakePredictor({
    ModelInfer: (call) => {
      call.send('ModelInferResponse', INT8([1]));
      call.end();
    },
  });
  const opened = await gateway(port, `--otlp_endpoint=${endpoint}`);
  expect((await ask(opened.port, INFER, { body: BODY })).status).toBe(200);
  expect((await grpcClient(opened.grpcPort).begin('ModelInfer', RAW).outcome).code).toBe(0);
  await opened.close();
  const requests = spans.filter(({ name }) => name.startsWith('gateway '));
  expect(requests.map((each) => [each.name, modelOf(each)])).toEqual([
    ['gateway v2', 'm'],
    ['gateway grpc', 'm'],
  ]);
});
