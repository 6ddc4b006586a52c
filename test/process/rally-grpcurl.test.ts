/** Somebody else's gRPC client with our .proto files against a real head: what people and probes will type. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Found, grpcurl } from '../../scripts/grpcurl.ts';
import { aHead, aMember } from '../wire/rally/fixture.ts';
import { Authority } from '../wire/support/certificates.ts';

const protos = fileURLToPath(new URL('../../proto', import.meta.url));
let found: Found;

beforeAll(async () => {
  found = await grpcurl();
});

beforeEach(({ skip }) => {
  if ('missing' in found) skip(found.missing);
});

const ask = (port: number, proto: string, ...call: readonly string[]): Promise<Record<string, unknown>> =>
  askBy(['-plaintext'], port, proto, ...call);

async function askBy(
  security: readonly string[],
  port: number,
  proto: string,
  ...call: readonly string[]
): Promise<Record<string, unknown>> {
  if ('missing' in found) throw new Error(found.missing);
  const data = call.length > 1 ? ['-d', call[1]!] : [];
  const args = [
    ...security,
    '-max-time',
    '10',
    '-import-path',
    protos,
    '-proto',
    proto,
    ...data,
    `127.0.0.1:${port}`,
    call[0]!,
  ];
  const { stdout } = await promisify(execFile)(found.path, args);
  return JSON.parse(stdout);
}

test('Status says who is in and who is missing', async () => {
  const head = await aHead({ worldSize: 3 });
  await aMember('worker-1', head.port).seated;
  const reply = await ask(head.port, 'rally.proto', 'muster.rally.v1.Rally/Status');
  expect(reply).toMatchObject({
    generation: 1,
    worldSize: 3,
    stage: 'gathering',
    phase: 'PHASE_JOINED',
    members: [{ member: 'head' }, { member: 'worker-1', rank: 1, phase: 'PHASE_JOINED', connected: true, devices: 2 }],
    awaited: expect.stringContaining('1 of 3 members missing: rank 2'),
  });
});

test('Health/Check follows the head', async () => {
  const head = await aHead({ worldSize: 1 });
  expect(await ask(head.port, 'health.proto', 'grpc.health.v1.Health/Check')).toEqual({ status: 'NOT_SERVING' });
  head.report('ready');
  expect(
    await ask(head.port, 'health.proto', 'grpc.health.v1.Health/Check', '{"service":"muster.rally.v1.Rally"}'),
  ).toEqual({ status: 'SERVING' });
  await expect(
    ask(head.port, 'health.proto', 'grpc.health.v1.Health/Check', '{"service":"nope"}'),
  ).rejects.toMatchObject({
    stderr: expect.stringContaining('NotFound'),
  });
});

test('over mutual TLS, with files as a Secret holds them', async () => {
  const authority = new Authority();
  const directory = mkdtempSync(join(tmpdir(), 'tls-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const { cert, key } = authority.issue('a person');
  const [certFile, keyFile, caFile] = [file('tls.crt', cert), file('tls.key', key), file('ca.crt', authority.cert)];
  const identity = { ...authority.issue('head', { names: ['127.0.0.1'] }), ca: authority.cert };
  const head = await aHead({ worldSize: 1, tls: { identity: () => identity, name: undefined } });

  const status = [head.port, 'rally.proto', 'muster.rally.v1.Rally/Status'] as const;
  const reply = await askBy(['-cacert', caFile, '-cert', certFile, '-key', keyFile], ...status);
  expect(reply).toMatchObject({ members: [{ member: 'head' }] });
});
