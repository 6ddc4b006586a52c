/** What the TLS files may hold, and what is done when they change; certificates are made on the spot. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { type Env, resolveSettings } from '../../../src/launch/args/settings.ts';
import { gatherFacts } from '../../../src/launch/facts/gather.ts';
import { judgeTls, readTls, type TlsFiles, tlsFiles } from '../../../src/launch/facts/tls.ts';
import { nearness, TlsKeeper } from '../../../src/launch/facts/tls-keeper.ts';
import { textLog } from '../../../src/log.ts';
import { Authority, days, type Issued } from '../../wire/support/certificates.ts';

const DAY_MS = 86_400_000;
const settingsOf = (argv: readonly string[], env: Env = {}) => resolveSettings(parseFlags(argv).flags, env).settings;
const filesOf = (argv: readonly string[], env: Env = {}) => {
  const { value, refusals } = tlsFiles(settingsOf(argv, env));
  return value ? [value.cert.value, value.key.value, value.ca.value].join() : refusals.map(({ code }) => code).join();
};

describe('which files are meant', () => {
  test.each([
    { when: 'nothing is set', argv: [], want: '' },
    { when: 'a directory is', argv: ['--tls-dir=/tls'], want: '/tls/tls.crt,/tls/tls.key,/tls/ca.crt' },
    {
      when: 'the CA lies elsewhere',
      argv: ['--tls-dir=/tls', '--tls-ca=/bundle.pem'],
      want: '/tls/tls.crt,/tls/tls.key,/bundle.pem',
    },
    { when: 'all three are', argv: ['--tls-cert=/c', '--tls-key=/k', '--tls-ca=/a'], want: '/c,/k,/a' },
    { when: 'the certificate only is', argv: ['--tls-cert=/c'], want: 'TLS_INCOMPLETE' },
    { when: 'the CA is missing', argv: ['--tls-cert=/c', '--tls-key=/k'], want: 'TLS_INCOMPLETE' },
  ])('$when → $want', ({ argv, want }) => {
    expect(filesOf(argv)).toBe(want);
  });

  test('the environment says it too', () => {
    expect(filesOf([], { MUSTER_TLS_DIR: '/tls' })).toBe('/tls/tls.crt,/tls/tls.key,/tls/ca.crt');
  });

  test('what is missing is named', () => {
    const { refusals } = tlsFiles(settingsOf(['--tls-cert=/c']));
    expect(refusals[0]?.message).toContain('--tls-cert is set, --tls-key and --tls-ca is not');
  });
});

const ours = new Authority('ours');
const good = ours.issue('worker-1', { names: ['worker-1.group'] });
const other = ours.issue('worker-2');
const at = (value: string) => ({ value, origin: 'test' });
const FILES: TlsFiles = { cert: at('/tls/tls.crt'), key: at('/tls/tls.key'), ca: at('/tls/ca.crt') };
const NOW = Date.now();
const ENCRYPTED = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH\n-----END ENCRYPTED PRIVATE KEY-----\n';

describe('what they hold', () => {
  test('an identity', () => {
    const { value } = judgeTls(FILES, { ...good, ca: ours.cert }, NOW);
    expect(value).toMatchObject({ certificate: { subject: 'CN=worker-1', names: ['worker-1.group'] }, notes: [] });
  });

  test.each([
    { when: 'the certificate is no PEM', texts: { cert: 'hello' }, says: ['TLS_INVALID /tls/tls.crt holds no PEM'] },
    {
      when: 'it is cut short',
      texts: { cert: good.cert.slice(0, 300) },
      says: ['TLS_INVALID /tls/tls.crt holds no PEM'],
    },
    { when: 'the key is no PEM', texts: { key: 'hello' }, says: ['TLS_INVALID /tls/tls.key holds no PEM private key'] },
    {
      when: 'the key has a passphrase',
      texts: { key: ENCRYPTED },
      says: ['TLS_INVALID /tls/tls.key holds an encrypted key'],
    },
    { when: 'the key is of another', texts: { key: other.key }, says: ['TLS_INVALID /tls/tls.key does not belong to'] },
    { when: 'the CA is empty', texts: { ca: '' }, says: ['TLS_INVALID /tls/ca.crt holds no PEM certificate'] },
    {
      when: 'the certificate has ended',
      texts: ours.issue('worker-1', days(-3, -1)),
      says: ['TLS_EXPIRED /tls/tls.crt (CN=worker-1) is valid from 20'],
    },
    {
      when: 'it has not begun',
      texts: ours.issue('worker-1', days(1, 3)),
      says: ['TLS_EXPIRED /tls/tls.crt (CN=worker-1) is valid from 20'],
    },
    {
      when: 'nothing is right',
      texts: { cert: '', key: '', ca: '' },
      says: ['TLS_INVALID /tls/tls.crt', 'TLS_INVALID /tls/ca.crt', 'TLS_INVALID /tls/tls.key'],
    },
  ])('$when → $says', ({ texts, says }) => {
    const { refusals } = judgeTls(FILES, { ...good, ca: ours.cert, ...texts }, NOW);
    const said = refusals.map(({ code, message }) => `${code} ${message.replace(/^the TLS \w+( file)? /, '')}`);
    expect(said).toEqual(says.map((each) => expect.stringContaining(each)));
    expect(said.join()).not.toContain('BEGIN');
  });

  test('a certificate that its own CA file does not vouch for is worth a warning', () => {
    const { value } = judgeTls(FILES, { ...good, ca: new Authority('theirs').cert }, NOW);
    expect(value?.notes).toEqual([expect.stringContaining('is not signed by a CA in /tls/ca.crt')]);
  });
});

/** As the kubelet lays out a Secret: files are links through `..data`, which is swapped at once. */
class Secret {
  readonly directory = mkdtempSync(join(tmpdir(), 'tls-'));
  #revision = 0;

  constructor(issued: Issued, ca: string) {
    onTestFinished(() => rmSync(this.directory, { recursive: true }));
    this.write(issued, ca);
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(join('..data', name), join(this.directory, name));
  }

  write({ cert, key }: Issued, ca: string): void {
    this.#revision += 1;
    const revision = `..2026_${this.#revision}`;
    mkdirSync(join(this.directory, revision));
    for (const [name, text] of [
      ['tls.crt', cert],
      ['tls.key', key],
      ['ca.crt', ca],
    ] as const)
      writeFileSync(join(this.directory, revision, name), text);
    symlinkSync(revision, join(this.directory, '..data_tmp'));
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
  }
}

function kept(secret: Secret, now = () => NOW) {
  const files = tlsFiles(settingsOf([`--tls-dir=${secret.directory}`])).value;
  const read = files && readTls(files, NOW).value;
  if (!read) throw new Error('the files are good');
  const lines: string[] = [];
  const log = textLog({ level: 'debug', now: () => 0, write: (line) => void lines.push(line) });
  return { keeper: new TlsKeeper(read, { name: undefined, log, wallClock: now }), lines };
}

describe('what is kept while files change', () => {
  test('the same identity until they do, the new one after', () => {
    const secret = new Secret(good, ours.cert);
    const { keeper, lines } = kept(secret);
    const before = keeper.identity();
    expect(keeper.identity()).toBe(before);
    secret.write(other, ours.cert);
    expect(keeper.identity()).toMatchObject({ cert: other.cert, key: other.key });
    expect(keeper.identity()).toBe(keeper.identity());
    expect(lines).toEqual([expect.stringContaining('new TLS certificate: CN=worker-2, valid until 20')]);
  });

  test('the same when only the dates of the files changed', () => {
    const secret = new Secret(good, ours.cert);
    const { keeper, lines } = kept(secret);
    const before = keeper.identity();
    secret.write(good, ours.cert);
    expect(keeper.identity()).toBe(before);
    expect(lines).toEqual([]);
  });

  test.each([
    {
      when: 'a key of another',
      issued: { cert: good.cert, key: other.key },
      says: 'does not belong to the certificate',
    },
    { when: 'half a file', issued: { cert: good.cert.slice(0, 200), key: good.key }, says: 'holds no PEM certificate' },
    { when: 'one that has ended', issued: ours.issue('late', days(-3, -1)), says: 'is valid from' },
  ])('the old one beside $when, said once; then a good one serves', ({ issued, says }) => {
    const secret = new Secret(good, ours.cert);
    const { keeper, lines } = kept(secret);
    const before = keeper.identity();
    secret.write(issued, ours.cert);
    expect(keeper.identity()).toBe(before);
    keeper.look();
    expect(keeper.identity()).toBe(before);
    expect(lines).toEqual([expect.stringContaining(says)]);
    expect(lines[0]).toMatch(/WARN .*the old certificate stays, valid until 20.* → \w+/);
    secret.write(other, ours.cert);
    expect(keeper.identity().cert).toBe(other.cert);
  });

  test('the old one when the files are gone', () => {
    const secret = new Secret(good, ours.cert);
    const { keeper, lines } = kept(secret);
    const before = keeper.identity();
    unlinkSync(join(secret.directory, '..data'));
    expect(keeper.identity()).toBe(before);
    expect(lines).toEqual([expect.stringContaining('cannot be read')]);
  });

  test('a near end and an end are said once each', () => {
    const secret = new Secret(ours.issue('short', { from: NOW - 9 * DAY_MS, to: NOW + 2 * DAY_MS }), ours.cert);
    let now = NOW;
    const { keeper, lines } = kept(secret, () => now);
    keeper.look();
    expect(lines).toEqual([]);
    for (const day of [1.5, 1.6, 3, 4]) {
      now = NOW + day * DAY_MS;
      keeper.look();
    }
    expect(lines).toEqual([expect.stringContaining('(CN=short) ends at 20'), expect.stringContaining('ended at 20')]);
  });
});

test.each([
  { life: '90 days', from: 0, to: 90, now: 80, want: 'far' },
  { life: '90 days', from: 0, to: 90, now: 82, want: 'soon' },
  { life: '10 years', from: 0, to: 3650, now: 3600, want: 'far' },
  { life: '10 years', from: 0, to: 3650, now: 3630, want: 'soon' },
  { life: '1 day', from: 0, to: 1, now: 1.1, want: 'over' },
])('of $life, on day $now: $want', ({ from, to, now, want }) => {
  const certificate = { subject: '', issuer: '', names: [], from: from * DAY_MS, to: to * DAY_MS };
  expect(nearness(certificate, now * DAY_MS)).toBe(want);
});

describe('what a plan is told', () => {
  test('where TLS comes from, and nothing of the files', async () => {
    const secret = new Secret(good, ours.cert);
    const { facts, tls, refusals } = await gatherFacts(settingsOf([`--tls-dir=${secret.directory}`]), {});
    expect(refusals).toEqual([]);
    expect(facts.tls).toEqual({ origin: 'flag --tls-dir', notes: [] });
    expect(tls?.identity.key).toBe(good.key);
    expect(JSON.stringify(facts)).not.toContain('BEGIN');
  });

  test('every file that cannot be read: 66', async () => {
    const { refusals } = await gatherFacts(settingsOf(['--tls-dir=/nowhere']), {});
    expect(refusals.map(({ code }) => code)).toEqual(Array(3).fill('TLS_FILE_UNREADABLE'));
    expect(refusals[0]?.message).toContain('/nowhere/tls.crt (flag --tls-dir)');
  });
});
