/** TLS and mTLS to the predictor, with certificates made on the spot. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MusterError } from '../../../src/errors.ts';
import { Authority } from '../support/certificates.ts';
import { ask, gateway } from './fixture.ts';

/** A gRPC server over TLS that says OK and `true` to everything. */
async function secure(authority: Authority, names: readonly string[], asks = false): Promise<number> {
  const issued = authority.issue('predictor', { names });
  const server = createSecureServer({ ...issued, ca: authority.cert, requestCert: asks, rejectUnauthorized: asks });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from('00000000020801', 'hex'));
  });
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function pem(files: Readonly<Record<string, string>>): (name: string) => string {
  const dir = mkdtempSync(join(tmpdir(), 'pem-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return (name) => join(dir, name);
}

const ready = async (port: number) => {
  const { status, json } = await ask(port, '/v2/health/ready');
  return { status, words: json.error ?? '' };
};

describe('--predictor_use_ssl', () => {
  const authority = new Authority();
  const files = () => pem({ 'ca.crt': authority.cert });

  test('speaks to a predictor whose certificate the CA signed for that address', async () => {
    const port = await secure(authority, ['127.0.0.1']);
    const { port: http } = await gateway(port, '--predictor_use_ssl', `--predictor_ca_file=${files()('ca.crt')}`);
    expect(await ready(http)).toEqual({ status: 200, words: '' });
  });

  test('goes by the name, not by the address that the name has', async () => {
    const port = await secure(authority, ['localhost']);
    const trust = ['--predictor_use_ssl', `--predictor_ca_file=${files()('ca.crt')}`];
    const { port: named } = await gateway(port, ...trust, `--predictor_host=localhost:${port}`);
    expect(await ready(named)).toEqual({ status: 200, words: '' });
    const { port: numbered } = await gateway(port, ...trust);
    expect((await ready(numbered)).status).toBe(503);
  });

  test.each([
    { what: 'another name', names: ['other.example'], own: true, words: /altnames|does not match/ },
    { what: 'a CA nobody named', names: ['127.0.0.1'], own: false, words: /tls:/ },
  ])('refuses a certificate of $what', async ({ names, own, words }) => {
    const port = await secure(own ? authority : new Authority('stranger'), names);
    const { port: http } = await gateway(port, '--predictor_use_ssl', `--predictor_ca_file=${files()('ca.crt')}`);
    expect(await ready(http)).toEqual({ status: 503, words: expect.stringMatching(words) });
  });

  test('shows its own certificate to a predictor that asks', async () => {
    const port = await secure(authority, ['127.0.0.1'], true);
    const { cert, key } = authority.issue('gateway');
    const file = pem({ 'ca.crt': authority.cert, 'tls.crt': cert, 'tls.key': key });
    const trust = ['--predictor_use_ssl', `--predictor_ca_file=${file('ca.crt')}`];
    const mine = [`--predictor_cert_file=${file('tls.crt')}`, `--predictor_key_file=${file('tls.key')}`];
    const { port: known } = await gateway(port, ...trust, ...mine);
    expect(await ready(known)).toEqual({ status: 200, words: '' });
    const { port: stranger } = await gateway(port, ...trust);
    expect((await ready(stranger)).status).toBe(503);
  });

  test.each([
    { what: 'is not there', name: 'nope.crt' },
    { what: 'is no PEM', name: 'no.crt' },
  ])('a file that $what is refused before anything starts', async ({ name }) => {
    const file = pem({ 'no.crt': 'x' });
    const opened = gateway(1, '--predictor_use_ssl', `--predictor_cert_file=${file(name)}`);
    await expect(opened).rejects.toBeInstanceOf(MusterError);
    await expect(opened).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
