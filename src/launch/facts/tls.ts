/** This member's certificate, key and CA: from files to an identity, or every reason why not. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, type Refusal, reasonOf } from '../../errors.ts';
import { type Certificate, certificateOf, RENEW, type TlsIdentity, validity } from '../../wire/tls.ts';
import type { Settings, Sourced } from '../args/options.ts';

/** Paths, each with the setting it comes from. */
export type TlsFiles = Readonly<Record<keyof TlsIdentity, Sourced<string>>>;

export interface TlsRead {
  readonly files: TlsFiles;
  readonly identity: TlsIdentity;
  readonly certificate: Certificate;
  /** Worth a warning: signed by nobody in its own CA file. */
  readonly notes: readonly string[];
}

type Read<T> = { readonly value: T; readonly refusals: readonly [] } | Refused;
interface Refused {
  readonly value?: undefined;
  readonly refusals: readonly Refusal[];
}

const PARTS = { cert: 'tls-cert', key: 'tls-key', ca: 'tls-ca' } as const;
/** As cert-manager, and every Secret of the type kubernetes.io/tls, names them. */
const IN_DIRECTORY = { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' } as const;
const WHAT = { cert: 'certificate', key: 'key', ca: 'CA' } as const;
const NAMES = ['cert', 'key', 'ca'] as const;
/** A bundle of all public CAs has a quarter of it. */
const MAX_BYTES = 1024 * 1024;

/** Which files are meant: all three, or none. Pure. */
export function tlsFiles(settings: Settings): Read<TlsFiles | undefined> {
  const directory = settings['tls-dir'];
  const given = NAMES.filter((name) => settings[PARTS[name]]);
  if (!directory && given.length === 0) return { value: undefined, refusals: [] };
  const missing = directory ? [] : NAMES.filter((name) => !settings[PARTS[name]]);
  if (missing.length > 0) {
    const flags = (names: readonly (keyof TlsIdentity)[]) => names.map((name) => `--${PARTS[name]}`).join(' and ');
    const message = `TLS needs certificate, key and CA: ${flags(given)} is set, ${flags(missing)} is not`;
    const hint = 'Give all three, or the directory that holds tls.crt, tls.key and ca.crt with --tls-dir.';
    return { refusals: [refusal('TLS_INCOMPLETE', message, hint)] };
  }
  const pathOf = (name: keyof TlsIdentity): Sourced<string> =>
    settings[PARTS[name]] ?? {
      value: join(directory?.value ?? '', IN_DIRECTORY[name]),
      origin: directory?.origin ?? '',
    };
  return { value: { cert: pathOf('cert'), key: pathOf('key'), ca: pathOf('ca') }, refusals: [] };
}

/** @param now the wall clock, milliseconds since 1970 */
export function readTls(files: TlsFiles, now: number): Read<TlsRead> {
  const texts = { cert: textOf('cert', files), key: textOf('key', files), ca: textOf('ca', files) };
  const refusals = NAMES.flatMap((name) => texts[name].refusals);
  const { cert, key, ca } = { cert: texts.cert.value, key: texts.key.value, ca: texts.ca.value };
  const judged = judgeTls(files, { cert, key, ca }, now);
  return refusals.length > 0 ? { refusals: [...refusals, ...judged.refusals] } : judged;
}

/** Changes whenever one of the files does, also by the swap of a symbolic link above them. */
export const signatureOf = (files: TlsFiles): string =>
  NAMES.map((name) => {
    const stat = statSync(files[name].value, { throwIfNoEntry: false });
    return stat ? `${stat.dev}:${stat.ino}:${stat.mtimeMs}:${stat.size}` : 'none';
  }).join();

function textOf(name: keyof TlsIdentity, files: TlsFiles): Read<string> {
  const { value: file, origin } = files[name];
  const what = `the TLS ${WHAT[name]} file ${file} (${origin})`;
  try {
    const bytes = statSync(file).size;
    if (bytes > MAX_BYTES) {
      const message = `${what} has ${bytes} bytes, ${MAX_BYTES} are allowed`;
      return { refusals: [refusal('TLS_INVALID', message, 'Is it the right file?')] };
    }
    return { value: readFileSync(file, 'utf8'), refusals: [] };
  } catch (cause) {
    const hint = 'Check the Secret mount, and that the user muster runs as may read it.';
    return { refusals: [refusal('TLS_FILE_UNREADABLE', `${what} cannot be read: ${reasonOf(cause)}`, hint)] };
  }
}

const refusal = (code: ErrorCode, message: string, hint: string): Refusal => ({ code, message, hint });

/** What is in the files; a text that is undefined was refused before. Pure. */
export function judgeTls(
  files: TlsFiles,
  { cert, key, ca }: { readonly [N in keyof TlsIdentity]: string | undefined },
  now: number,
): Read<TlsRead> {
  const chain = cert === undefined ? [] : certificatesIn(cert);
  const authorities = ca === undefined ? [] : certificatesIn(ca);
  const secret = key === undefined ? undefined : privateKeyIn(key);
  const [leaf] = chain;
  const wrong: Refusal[] = [];
  const invalid = (name: keyof TlsIdentity, what: string, hint: string) =>
    wrong.push(refusal('TLS_INVALID', `the TLS ${WHAT[name]} file ${files[name].value} ${what}`, hint));
  if (cert !== undefined && !leaf) invalid('cert', 'holds no PEM certificate', PEM);
  if (ca !== undefined && authorities.length === 0) invalid('ca', 'holds no PEM certificate', PEM);
  if (typeof secret === 'string') invalid('key', secret, PEM);
  else if (leaf && secret && !leaf.checkPrivateKey(secret))
    invalid('key', `does not belong to the certificate ${files.cert.value}`, 'Take both from one Secret.');
  const certificate = leaf && certificateOf(leaf);
  if (certificate && (now < certificate.from || now > certificate.to)) {
    const message = `the TLS certificate ${files.cert.value} (${certificate.subject}) ${validity(certificate, now)}`;
    wrong.push(refusal('TLS_EXPIRED', message, RENEW));
  }
  if (wrong.length > 0 || !certificate || cert === undefined || key === undefined || ca === undefined)
    return { refusals: wrong };
  const notes = isSignedBy(chain, authorities) ? [] : [foreign(files, certificate)];
  return { value: { files, identity: { cert, key, ca }, certificate, notes }, refusals: [] };
}

const PEM = 'Is it PEM, unencrypted, and the right file?';

const foreign = ({ cert, ca }: TlsFiles, { issuer }: Certificate): string =>
  `the TLS certificate ${cert.value}, issued by ${issuer}, is not signed by a CA in ${ca.value}: members that trust the same CA will refuse this one`;

/** Those that can be read; undefined stands for none. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

/** The key, or what is wrong with it; never a word of what it holds. */
function privateKeyIn(pem: string): ReturnType<typeof createPrivateKey> | string {
  try {
    return createPrivateKey(pem);
  } catch {
    return pem.includes('ENCRYPTED')
      ? 'holds an encrypted key, and muster has no passphrase'
      : 'holds no PEM private key';
  }
}

/** From the first certificate up, through those behind it, to one of the authorities. */
function isSignedBy(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  const signs = (issuer: X509Certificate, of: X509Certificate) => of.checkIssued(issuer) && of.verify(issuer.publicKey);
  let [at] = chain;
  for (let steps = 0; at && steps <= chain.length; steps += 1) {
    const of: X509Certificate = at;
    if (authorities.some((each) => signs(each, of) || each.fingerprint256 === of.fingerprint256)) return true;
    at = chain.find((each) => each !== of && signs(each, of));
  }
  return false;
}
