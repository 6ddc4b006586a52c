/** The ports: TLS and mTLS on both, renewed certificates, HTTP/1.1 and HTTP/2 on one port, and the way out. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MusterError } from '../../../src/errors.ts';
import { Authority, type Issued } from '../support/certificates.ts';
import { tcpServer } from '../support/servers.ts';
import {
  ask,
  BODY,
  event,
  type FakeCall,
  fakePredictor,
  gateway,
  INFER,
  INT8,
  onePortGateway,
  raw,
} from './fixture.ts';
import { grpcClient, RAW } from './grpc-client.ts';

/** `tls.crt`, `tls.key` and `ca.crt` of a server, in files that can be written again. */
function pemFiles(authority: Authority, names: readonly string[] = ['127.0.0.1']) {
  const dir = mkdtempSync(join(tmpdir(), 'door-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const write = ({ cert, key }: Issued) => {
    writeFileSync(join(dir, 'tls.crt'), cert);
    writeFileSync(join(dir, 'tls.key'), key);
  };
  write(authority.issue('gateway', { names }));
  writeFileSync(join(dir, 'ca.crt'), authority.cert);
  const flags = [`--ssl_certfile=${join(dir, 'tls.crt')}`, `--ssl_keyfile=${join(dir, 'tls.key')}`];
  return {
    write,
    flags,
    mutual: [...flags, `--ssl_ca_certs=${join(dir, 'ca.crt')}`],
    path: (name: string) => join(dir, name),
  };
}

const trusting = (ca: string, mine?: Issued) =>
  credentials.createSsl(Buffer.from(ca), mine ? Buffer.from(mine.key) : null, mine ? Buffer.from(mine.cert) : null);

/** Neither there nor missing: a link to itself. */
function unlookable(file: string): void {
  rmSync(file);
  symlinkSync(file, file);
}

/** HTTP/1.1 over TLS. @returns the status, or the error's code */
async function askTls(port: number, ca: string, mine?: Issued): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const asked = request(
    { host: '127.0.0.1', port, path: '/v2/health/ready', ca, agent: false, ...mine },
    (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    },
  );
  asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  asked.end();
  return promise;
}

/** The name in the certificate that a new connection sees. */
async function shown(port: number): Promise<string> {
  const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe('TLS', () => {
  test('is on both ports, and nothing else is', async () => {
    const authority = new Authority();
    const { port } = await fakePredictor();
    const { port: http, grpcPort } = await gateway(port, ...pemFiles(authority).flags);
    expect(await askTls(http, authority.cert)).toBe(200);
    expect((await grpcClient(grpcPort, { how: trusting(authority.cert) }).call('ModelInfer', RAW)).code).toBe(0);
    expect(await (await raw(http, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).all).not.toContain('200');
    expect((await grpcClient(grpcPort).call('ModelInfer', RAW)).code).toBe(14);
  });

  test('with a CA for clients takes those it has signed, and no others', async () => {
    const [authority, stranger] = [new Authority(), new Authority('stranger')];
    const { port } = await fakePredictor();
    const { port: http, grpcPort } = await gateway(port, ...pemFiles(authority).mutual);
    const [mine, theirs] = [authority.issue('client'), stranger.issue('client')];
    const code = async (how?: Issued) =>
      (await grpcClient(grpcPort, { how: trusting(authority.cert, how) }).call('ModelInfer', RAW)).code;
    expect(await code(mine)).toBe(0);
    expect(await askTls(http, authority.cert, mine)).toBe(200);
    expect([await code(), await code(theirs)]).toEqual([14, 14]);
    for (const how of [undefined, theirs]) expect(await askTls(http, authority.cert, how)).toEqual(expect.any(String));
  });

  test('shows a renewed certificate to the next connection, keeps the ones there are, and the old one when the new is broken', async () => {
    const authority = new Authority();
    const files = pemFiles(authority);
    const { port } = await fakePredictor();
    const { port: http, grpcPort, log } = await gateway(port, ...files.flags);
    const client = grpcClient(grpcPort, { how: trusting(authority.cert) });
    expect((await client.call('ModelInfer', RAW)).code).toBe(0);
    files.write(authority.issue('renewed', { names: ['127.0.0.1'] }));
    expect(await shown(http)).toBe('renewed');
    expect(await shown(grpcPort ?? 0)).toBe('renewed');
    expect((await client.call('ModelInfer', RAW)).code).toBe(0);
    writeFileSync(files.path('tls.key'), 'no key');
    expect(await shown(http)).toBe('renewed');
    expect(log.join('')).toMatch(/cannot be used: .*the old ones stay/);
    expect(log.join('')).not.toContain('no key');
    unlookable(files.path('tls.key'));
    expect(await shown(http)).toBe('renewed');
  });

  test.each([
    {
      what: 'a file that is not there',
      break: (path: (name: string) => string) => rmSync(path('tls.key')),
      code: 'TLS_FILE_UNREADABLE',
    },
    {
      what: 'a file that cannot even be looked at',
      break: (path: (name: string) => string) => unlookable(path('tls.crt')),
      code: 'TLS_FILE_UNREADABLE',
    },
    {
      what: 'a key of another certificate',
      break: (path: (name: string) => string) => writeFileSync(path('tls.key'), new Authority().issue('x').key),
      code: 'TLS_INVALID',
    },
  ])('is refused at the start with $what', async ({ break: breaks, code }) => {
    const files = pemFiles(new Authority());
    breaks(files.path);
    const { port } = await fakePredictor();
    await expect(gateway(port, ...files.flags)).rejects.toMatchObject({ code });
  });

  test('that is never begun is cut in time (fault 39)', async () => {
    const { port } = await fakePredictor();
    const { port: http } = await gateway(port, '--body_timeout_seconds=1', ...pemFiles(new Authority()).flags);
    for (const text of ['', '\x16\x03\x01']) expect(await (await raw(http, text)).all).toBe('');
  });
});

/** A whole answer over HTTP/2 that is no gRPC. */
async function askHttp2(port: number, path: string, body?: string): Promise<{ status: number; text: string }> {
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST' });
  let headers: IncomingHttpHeaders = {};
  stream.once('response', (given) => {
    headers = given;
  });
  stream.end(body);
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return { status: Number(headers[':status']), text };
}

describe('one port for both', () => {
  test('serves HTTP/1.1, gRPC, and HTTP/2 without gRPC', async () => {
    const { port } = await fakePredictor();
    const { port: both, grpcPort } = await onePortGateway(port);
    expect(grpcPort).toBe(both);
    expect((await ask(both, INFER, { body: BODY })).status).toBe(200);
    expect((await grpcClient(both).call('ModelInfer', RAW)).code).toBe(0);
    expect(await askHttp2(both, INFER, BODY)).toEqual({ status: 200, text: expect.stringContaining('"data":[1,2]') });
    expect((await askHttp2(both, '/nothing')).status).toBe(404);
  });

  test('cuts who takes nothing of an answer over HTTP/2 without gRPC (fault 39)', async () => {
    const { port } = await fakePredictor();
    const { port: both } = await onePortGateway(port, '--stream_idle_timeout_seconds=1');
    const session = connect(`http://127.0.0.1:${both}`, { settings: { initialWindowSize: 0 } });
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': INFER });
    stream.on('error', () => undefined);
    stream.end(BODY);
    stream.resume();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test('leaves alone who takes a large answer slowly, all the while', async () => {
    const outputs = [{ name: 'OUT', datatype: 'INT8', shape: [8_000_000] }];
    const { port } = await fakePredictor({
      ModelInfer: (call) => {
        call.send('ModelInferResponse', { ...INT8([]), outputs, raw_output_contents: [Buffer.alloc(8_000_000)] });
        call.end();
      },
    });
    const { port: both } = await onePortGateway(port, '--stream_idle_timeout_seconds=3');
    const session = connect(`http://127.0.0.1:${both}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': INFER });
    stream.end(BODY);
    const until = performance.now() + 10_000;
    let taken = 0;
    for await (const chunk of stream) {
      taken += (chunk as Buffer).length;
      if (performance.now() < until) await sleep(200);
    }
    expect([taken > 16_000_000, performance.now() > until]).toEqual([true, true]);
  });

  test('goes by ALPN with TLS', async () => {
    const authority = new Authority();
    const { port } = await fakePredictor();
    const { port: both } = await onePortGateway(port, ...pemFiles(authority).flags);
    expect(await askTls(both, authority.cert)).toBe(200);
    expect((await grpcClient(both, { how: trusting(authority.cert) }).call('ModelInfer', RAW)).code).toBe(0);
  });

  test.each([
    { what: 'nothing', text: '' },
    { what: 'half a preface', text: 'PRI' },
    { what: 'half a request line', text: 'POST /v2' },
    { what: 'no end of its headers', text: 'GET / HTTP/1.1\r\nHost: x\r\n' },
  ])('cuts who says $what in time (fault 39)', async ({ text }) => {
    const { port } = await fakePredictor();
    const { port: both } = await onePortGateway(port, '--body_timeout_seconds=1', '--timeout_keep_alive=1');
    expect(await (await raw(both, text)).all).toMatch(/^$|^HTTP\/1\.1 408/);
  });

  test('refuses what no HTTP/1.1 may be, as on a port of its own', async () => {
    const { port } = await fakePredictor();
    const { port: both } = await onePortGateway(port);
    const text = `POST ${INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX`;
    expect(await (await raw(both, text)).all).toMatch(/^HTTP\/1\.1 400/);
  });
});

describe('the ports', () => {
  test('--enable_grpc false opens none for gRPC', async () => {
    const { port } = await fakePredictor();
    expect((await gateway(port, '--enable_grpc=false')).grpcPort).toBeUndefined();
  });

  test('a taken one is said with its flag', async () => {
    const taken = await tcpServer();
    const { port } = await fakePredictor();
    const failed = await gateway(port, `--grpc_port=${taken}`).catch((error) => error);
    expect(failed).toBeInstanceOf(MusterError);
    expect(failed).toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(`gRPC port ${taken}`),
      hint: expect.stringContaining('--grpc_port'),
    });
  });
});

describe('drain', () => {
  test('sends clients away at once, serves what is under way, and then closes (fault 39)', async () => {
    const calls = event<FakeCall>();
    const { port } = await fakePredictor({ ModelInfer: (call) => calls.happened(call) });
    const opened = await gateway(port);
    const session = connect(`http://127.0.0.1:${opened.grpcPort}`);
    onTestFinished(() => session.destroy());
    const goaway = once(session, 'goaway');
    await once(session, 'remoteSettings');
    const { outcome } = grpcClient(opened.grpcPort).begin('ModelInfer', RAW);
    const call = await calls.came;
    const drained = opened.drain();
    await goaway;
    call.send('ModelInferResponse', INT8([1]));
    call.end();
    expect((await outcome).code).toBe(0);
    await drained;
    expect((await grpcClient(opened.grpcPort).call('ModelInfer', RAW)).code).toBe(14);
  });

  test('cuts what does not end in time', async () => {
    const calls = event<FakeCall>();
    const { port } = await fakePredictor({ ModelInfer: (call) => calls.happened(call) });
    const opened = await gateway(port, '--graceful_timeout_seconds=0.2');
    const { outcome } = grpcClient(opened.grpcPort).begin('ModelInfer', RAW);
    await calls.came;
    await opened.drain();
    expect([1, 13, 14]).toContain((await outcome).code);
  });
});
