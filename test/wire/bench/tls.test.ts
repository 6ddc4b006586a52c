/** `muster bench protocols --tls`: both ports behind TLS, with certificates made on the spot. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcForward, HttpForward } from '../../../src/bench/listen/forward.ts';
import { fakePredictor } from '../gateway/fixture.ts';
import { fakeRest, json } from '../gateway/rest-fixture.ts';
import { Authority } from '../support/certificates.ts';
import { bench } from './bench.ts';

const FEW = ['--model', 'm', '--requests', '2', '--rounds', '1', '--concurrency', '1', '--json'];

async function listening(server: Server, close: () => void): Promise<string> {
  onTestFinished(close);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The two ports of a predictor, each behind one that speaks TLS. */
async function secured(authority: Authority): Promise<string[]> {
  const { port } = await fakePredictor();
  const rest = await fakeRest({ 'POST /v2/models/m/infer': json({ model_name: 'm', outputs: [] }) });
  const at = { grpc: { host: '127.0.0.1', port }, rest: undefined, tls: undefined };
  const [grpc, http] = [new GrpcForward(at), new HttpForward({ host: '127.0.0.1', port: rest.port }, at)];
  const issued = authority.issue('predictor', { names: ['127.0.0.1'] });
  const secure = createSecureServer(issued);
  secure.on('stream', (stream, headers) => void grpc.pass(stream, headers));
  const sessions = new Set<{ destroy(): void }>();
  secure.on('session', (session) => sessions.add(session));
  const https = createServer(issued, (request, response) => http.pass(request, response));
  const upstream = await listening(secure, () => {
    for (const session of sessions) session.destroy();
    secure.close();
    grpc.close();
  });
  const other = await listening(https, () => {
    https.closeAllConnections();
    https.close();
    http.close();
  });
  return ['--upstream', upstream, '--rest', other, '--tls'];
}

function caFile(authority: Authority): string {
  const dir = mkdtempSync(join(tmpdir(), 'bench-tls-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'ca.crt'), authority.cert);
  return join(dir, 'ca.crt');
}

test('all four ways go through it, when the CA is known', async () => {
  const authority = new Authority();
  const ran = await bench([...(await secured(authority)), '--tls-ca', caFile(authority), ...FEW]);
  expect(ran.status).toBe(0);
  const { rows } = JSON.parse(ran.out) as { rows: { way: string; answered: number }[] };
  expect(rows.map(({ way, answered }) => `${way} ${answered}`)).toEqual(['json 2', 'typed 2', 'binary 2', 'raw 2']);
});

test('the transformer in use is asked as its URL says, whatever the predictor speaks', async () => {
  const authority = new Authority();
  const transformer = await fakeRest({
    'POST /v2/models/m/infer': json({ model_name: 'm', outputs: [] }),
    'GET /metrics': (_: unknown, response: { end(text: string): unknown }) =>
      void response.end('muster_gateway_info{predictor_protocol="grpc-v2"} 1\n'),
  });
  const through = ['--through', `http://127.0.0.1:${transformer.port}`];
  const ran = await bench([...(await secured(authority)), '--tls-ca', caFile(authority), ...FEW, ...through]);
  expect((JSON.parse(ran.out) as { verdict: string[] }).verdict.join('\n')).toContain('Yours goes gRPC, raw now');
});

test('a CA that is not known is refused in words', async () => {
  const ran = await bench([...(await secured(new Authority())), '--tls-ca', caFile(new Authority('stranger')), ...FEW]);
  expect(ran).toMatchObject({ status: 69, out: '' });
  expect(ran.err).toContain('BENCH_PREDICTOR');
  expect(ran.err).toMatch(/tls: /);
});
