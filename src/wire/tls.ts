/**
 * Mutual TLS as both ends see it: who we are, whom we trust, how to dial, and what is said when trust fails. No files, no
 * sockets; loaded only where TLS is on.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls';
import type { Refusal } from '../errors.ts';

/** All PEM. */
export interface TlsIdentity {
  /** Ours, and the intermediate ones behind it. */
  readonly cert: string;
  readonly key: string;
  /** Who signs those we talk to; one or more. */
  readonly ca: string;
}

/** Where the identity comes from. */
export interface Tls {
  /** As the files are now, or as they were when they last made sense: the same object until they change. Never throws. */
  identity(): TlsIdentity;
  /** The name that the head's certificate must carry, where that is not its address. */
  readonly name: string | undefined;
}

/** Older ones are broken; every Node and Go of today speaks 1.3. */
export const MIN_VERSION = 'TLSv1.2' as const;
export const ALPN = ['h2'];

/** For `tls.connect`, and for grpc-js in parts. */
export interface Dial {
  readonly secureContext: SecureContext;
  readonly servername: string;
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
  readonly ALPNProtocols: string[];
}

const contexts = new WeakMap<TlsIdentity, SecureContext>();

/** Reading a key takes a millisecond: once for each identity. */
function contextOf(identity: TlsIdentity): SecureContext {
  const made = contexts.get(identity) ?? createSecureContext({ ...identity, minVersion: MIN_VERSION });
  contexts.set(identity, made);
  return made;
}

/** @param expected the name or IP address the peer's certificate must carry; undefined: its CA is enough */
export const dialOptions = (identity: TlsIdentity, expected: string | undefined): Dial => ({
  secureContext: contextOf(identity),
  // An IP address may not be sent as a name (RFC 6066); grpc-js must be given one all the same.
  servername: expected === undefined || isIP(expected) ? 'muster-head' : expected,
  checkServerIdentity: (_host, certificate) =>
    expected === undefined ? undefined : checkServerIdentity(expected, certificate),
  ALPNProtocols: ALPN,
});

/** What a certificate says. */
export interface Certificate {
  /** e.g. `CN=worker-1` */
  readonly subject: string;
  readonly issuer: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

const SHOWN = 200;

export function certificateOf(x509: X509Certificate): Certificate {
  const line = (name: string) => name.replaceAll('\n', ', ').slice(0, SHOWN);
  const names = [...(x509.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(
    ([, name]) => name ?? '',
  );
  return {
    subject: line(x509.subject ?? ''),
    issuer: line(x509.issuer ?? ''),
    names,
    from: x509.validFromDate.getTime(),
    to: x509.validToDate.getTime(),
  };
}

/** UTC, to the minute. */
export const dateOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const validity = ({ from, to }: Certificate, now: number): string =>
  `is valid from ${dateOf(from)} to ${dateOf(to)}, and now it is ${dateOf(now)}`;

export const RENEW = "Renew it (cert-manager: see the Certificate's status), or correct the clock of this machine.";

export interface Distrust {
  /** What OpenSSL or Node says: `CERT_HAS_EXPIRED`, `SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`, … */
  readonly code: string;
  /** Whose certificate it is; the other one does not trust it. */
  readonly whose: 'head' | 'member';
  /** Undefined: none was shown. */
  readonly certificate: Certificate | undefined;
  /** The name that was looked for. */
  readonly expected?: string | undefined;
  /** The wall clock, milliseconds since 1970. */
  readonly now: number;
}

/** Why a certificate was not believed, in words for both sides. Pure. */
export function distrust({ code, whose, certificate, expected, now }: Distrust): Refusal {
  const truster = whose === 'head' ? 'member' : 'head';
  const refusal = (what: string, hint: string): Refusal => ({ code: 'TLS_REFUSED', message: what, hint });
  if (!certificate) return refusal(`the ${whose} shows no certificate`, ON_ALL);
  const it = `the ${whose}'s certificate (${certificate.subject})`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return refusal(`${it} ${validity(certificate, now)}`, RENEW);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = certificate.names.slice(0, 8).join(', ') || 'nobody';
    const hint = `Add ${expected} to its dnsNames or ipAddresses, or set MUSTER_TLS_NAME to a name that it has.`;
    return refusal(`${it} is for ${names}, not for ${expected}`, hint);
  }
  if (code === 'INVALID_PURPOSE') {
    const usage = whose === 'head' ? 'server auth' : 'client auth';
    return refusal(`${it} is not made for ${usage}`, 'Give it the usages server auth and client auth.');
  }
  return refusal(
    `${it}, issued by ${certificate.issuer}, is not signed by a CA that the ${truster} trusts (${code})`,
    SAME_CA,
  );
}

export const ON_ALL = 'Set MUSTER_TLS_DIR on every member, or on none.';
const SAME_CA = 'Give every member certificates of one issuer, and its CA.';
