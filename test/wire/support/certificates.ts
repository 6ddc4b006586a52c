/**
 * Certificates for tests, made on the spot: an authority, and what it signs. X.509 v3 (RFC 5280) in as much DER as that
 * needs; keys are P-256, signatures ECDSA with SHA-256.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

const DAY_MS = 86_400_000;

export interface CertificateOptions {
  /** Subject alternative names: DNS names, or IPv4 addresses. */
  readonly names?: readonly string[];
  /** Milliseconds since 1970. @default an hour ago */
  readonly from?: number;
  /** @default in a day */
  readonly to?: number;
  /** Extended key usage. @default both */
  readonly usage?: readonly ('server' | 'client')[];
}

export interface Issued {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  /** PEM. */
  readonly cert: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name = 'test authority') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#name = name;
    this.#key = privateKey;
    const constraints = extension(OID.basicConstraints, sequence(boolean(true)), true);
    this.cert = this.#certify(name, publicKey, { ...days(-1, 365), extensions: [constraints] });
  }

  issue(name: string, { names = [], from, to, usage = ['server', 'client'] }: CertificateOptions = {}): Issued {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const alternatives = names.map((each) => (isIPv4(each) ? tlv(0x87, ipv4(each)) : tlv(0x82, Buffer.from(each))));
    const purposes = usage.map((each) => oid(each === 'server' ? OID.serverAuth : OID.clientAuth));
    const extensions = [
      extension(OID.extendedKeyUsage, sequence(...purposes)),
      ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...alternatives))] : []),
    ];
    const validity = { from: from ?? Date.now() - DAY_MS / 24, to: to ?? Date.now() + DAY_MS };
    return {
      cert: this.#certify(name, publicKey, { ...validity, extensions }),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  #certify(subject: string, publicKey: KeyObject, { from, to, extensions }: Body): string {
    const algorithm = sequence(oid(OID.ecdsaWithSha256));
    const body = sequence(
      tlv(0xa0, integer(Buffer.from([2]))), // version 3
      integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      algorithm,
      commonName(this.#name),
      sequence(time(from), time(to)),
      commonName(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tlv(0xa3, sequence(...extensions)),
    );
    const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, this.#key)]));
    const der = sequence(body, algorithm, signature);
    const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}

interface Body {
  readonly from: number;
  readonly to: number;
  readonly extensions: readonly Buffer[];
}

const OID = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** From and to, in days from now. */
export const days = (from: number, to: number): { from: number; to: number } => ({
  from: Date.now() + from * DAY_MS,
  to: Date.now() + to * DAY_MS,
});

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes);
const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]));
const commonName = (name: string): Buffer =>
  sequence(tlv(0x31, sequence(oid(OID.commonName), tlv(0x0c, Buffer.from(name)))));
const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value));
const ipv4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
/** GeneralizedTime is for 2050 and later only. */
const time = (ms: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/\D/g, '')}Z`));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (value: number): number[] =>
    value < 128 ? [value] : [...base128(value >> 7).map((each) => each | 0x80), value & 0x7f];
  return tlv(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}
