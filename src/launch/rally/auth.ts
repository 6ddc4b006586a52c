/**
 * Proves to each other that head and members hold the same token, without sending it.
 *
 * Each side answers the other's fresh nonce with an HMAC; the two words "head" and "member" keep an answer from being
 * reflected, the hash of the hello binds the answer to what was said. This is admission, not encryption: who can alter
 * packets between two machines can take over an admitted stream. Put a mesh or NetworkPolicy under it.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

export const NONCE_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface Nonces {
  readonly member: Uint8Array;
  readonly head: Uint8Array;
}

export const newNonce = (): Buffer => randomBytes(NONCE_BYTES);

const prove = (token: string, side: 'head' | 'member', { member, head }: Nonces) =>
  createHmac('sha256', token).update(`muster.rally.v1 ${side}\0`).update(member).update(head);

export const headProof = (token: string, nonces: Nonces): Buffer => prove(token, 'head', nonces).digest();

export const memberProof = (token: string, nonces: Nonces, hello: Uint8Array): Buffer =>
  prove(token, 'member', nonces).update(createHash('sha256').update(hello).digest()).digest();

/** Takes the same time wherever the two differ. */
export const sameProof = (given: Uint8Array, wanted: Uint8Array): boolean =>
  given.length === wanted.length && timingSafeEqual(given, wanted);

const sealingKey = (token: string, { member, head }: Nonces): Buffer =>
  Buffer.from(hkdfSync('sha256', token, Buffer.concat([member, head]), 'muster.rally.v1 engine secret', 32));

/** The engine's secret, readable only for the two that shook hands: iv | ciphertext | tag. */
export function seal(token: string, nonces: Nonces, secret: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(token, nonces), iv);
  return Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when it was made with another token, for another stream, or altered. */
export function unseal(token: string, nonces: Nonces, sealed: Uint8Array): string | undefined {
  if (sealed.length < IV_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(token, nonces), sealed.subarray(0, IV_BYTES));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const text = decipher.update(sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
