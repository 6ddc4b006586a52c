/** Real members over mutual TLS: met, refused with a status, asked, renewed while they run. Engine native, no Ray. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Authority, type CertificateOptions } from '../../wire/support/certificates.ts';
import { aMeeting, type Meeting, type Muster, RUNTIMES, type Stage, test } from '../support/stage.ts';

const HERE = { names: ['muster-head', '127.0.0.1'] };
const PATIENCE_MS = 60_000;

/** A mounted Secret of cert-manager: `tls.crt`, `tls.key`, `ca.crt`, swapped as a whole. */
class Secret {
  readonly directory: string;
  readonly #how: CertificateOptions;
  #revision = 0;

  constructor(stage: Stage, by: Authority, how: CertificateOptions = {}) {
    this.directory = stage.directory();
    this.#how = how;
    this.issue(by);
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(join('..data', name), join(this.directory, name));
  }

  issue(by: Authority): void {
    this.#revision += 1;
    const revision = `..2026_${this.#revision}`;
    const { cert, key } = by.issue(`revision ${this.#revision}`, this.#how);
    mkdirSync(join(this.directory, revision));
    writeFileSync(join(this.directory, revision, 'tls.crt'), cert);
    writeFileSync(join(this.directory, revision, 'tls.key'), key);
    writeFileSync(join(this.directory, revision, 'ca.crt'), by.cert);
    symlinkSync(revision, join(this.directory, '..data_tmp'));
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
  }
}

/** One of two members. */
function start(stage: Stage, { rally, engine, http }: Meeting, rank: 0 | 1, secret?: Secret): Muster {
  const ports = [`--rally-port=${rally}`, `--engine-port=${engine}`, `--server-port=${http}`];
  const place = ['--world-size=2', `--rank=${rank}`, `--member=m${rank}`, '--head-address=127.0.0.1'];
  const ours = [`--runtimes=${RUNTIMES}`, '--grace=2', '--progress=0.2', '--restarts=2', ...ports];
  return stage.start([
    'launch',
    'model-server',
    ...place,
    ...ours,
    ...(secret ? [`--tls-dir=${secret.directory}`] : []),
  ]);
}

test('a group meets, is asked, and renews its certificates while it runs', { timeout: 180_000 }, async ({ stage }) => {
  const meeting = await aMeeting();
  const [ours, next] = [new Authority('ours'), new Authority('next')];
  const secrets = [new Secret(stage, ours, HERE), new Secret(stage, ours)] as const;
  const head = start(stage, meeting, 0, secrets[0]);
  const worker = start(stage, meeting, 1, secrets[1]);
  await head.said(/ready after/, PATIENCE_MS);

  const ask = (...more: readonly string[]) => stage.run(['status', '--rally', `127.0.0.1:${meeting.rally}`, ...more]);
  expect(await ask(`--tls-dir=${secrets[1].directory}`)).toMatchObject({ status: 0 });
  const plain = await ask();
  expect(plain.status).toBe(77);
  expect(plain.stderr).toMatch(/TLS_REFUSED .*the head speaks TLS only, and the member speaks without/);

  for (const secret of secrets) secret.issue(next);
  // Whoever dials with the new one is in, and the worker of the old one stays.
  expect(await ask(`--tls-dir=${secrets[1].directory}`)).toMatchObject({ status: 0 });
  await head.said(/new TLS certificate: CN=revision 2, valid until 20/);
  expect([head.isOver, worker.isOver]).toEqual([false, false]);

  worker.kill('SIGKILL');
  await stage.kill(/model-server --port=\d+ --rank=1/);
  await worker.ended();
  await head.said(/the group meets again/, PATIENCE_MS);
  const again = start(stage, meeting, 1, secrets[1]);
  await again.said(/the whole group is ready/, PATIENCE_MS);
  for (const member of [head, again]) member.kill('SIGTERM');
  await Promise.all([head.ended(PATIENCE_MS), again.ended(PATIENCE_MS)]);
});

test('what does not fit is refused with 77 on the worker, and named in the line of the waiting head', async ({
  stage,
}) => {
  const meeting = await aMeeting();
  const [ours, theirs] = [new Authority('ours'), new Authority('theirs')];
  const secret = new Secret(stage, ours, HERE);
  const head = start(stage, meeting, 0, secret);
  await head.said(/waiting/);

  const stranger = await start(stage, meeting, 1, new Secret(stage, theirs)).ended(PATIENCE_MS);
  expect(stranger.status).toBe(77);
  expect(stranger.stderr).toMatch(
    /TLS_REFUSED the head's certificate \(CN=revision 1\), issued by CN=ours, is not signed/,
  );
  await head.said(/missing: rank 1; refused: somebody at 127.0.0.1 \(TLS, TLS_REFUSED, .*issued by CN=theirs/);

  const plain = await start(stage, meeting, 1).ended(PATIENCE_MS);
  expect(plain.status).toBe(77);
  expect(plain.stderr).toMatch(/TLS_REFUSED the head speaks TLS only/);
  head.kill('SIGTERM');
  expect(await head.ended()).toMatchObject({ status: 143 });
});

test('files that cannot be used are refused before anything starts, all at once', async ({ stage }) => {
  const directory = stage.directory();
  const place = ['run', '--world-size=2', '--rank=0', '--head-address=127.0.0.1', '--insecure'];
  const missing = await stage.run([...place, `--tls-dir=${directory}`, '--', 'true']);
  expect(missing.status).toBe(66);
  expect(missing.stderr.match(/TLS_FILE_UNREADABLE/g)).toHaveLength(3);

  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) writeFileSync(join(directory, name), 'hello');
  const invalid = await stage.run([...place, `--tls-dir=${directory}`, '--', 'true']);
  expect(invalid.status).toBe(65);
  expect(invalid.stderr.match(/TLS_INVALID/g)).toHaveLength(3);

  const some = await stage.run([...place, `--tls-cert=${join(directory, 'tls.crt')}`, '--', 'true']);
  expect(some).toMatchObject({ status: 78, stderr: expect.stringContaining('TLS_INCOMPLETE') });

  const { cert, key } = new Authority().issue('old', { from: Date.now() - 2e8, to: Date.now() - 1e8 });
  for (const [name, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': cert }))
    writeFileSync(join(directory, name), text);
  const old = await stage.run([...place, `--tls-dir=${directory}`, '--', 'true']);
  expect(old).toMatchObject({ status: 77, stderr: expect.stringMatching(/TLS_EXPIRED .*\(CN=old\) is valid from 20/) });
});
