/** What members tell each other is signed with a secret that the head made for this meeting and the rally carried. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface Signed {
  readonly proof: string;
  readonly text: string;
}

export const sign = (secret: string, text: string): Signed => ({ proof: proofOf(secret, text), text });

/** @returns the text; undefined when the proof is not of this secret, or it is no signed text at all */
export function opened(secret: string, json: string): string | undefined {
  try {
    const { proof, text } = JSON.parse(json) as Partial<Signed>;
    if (typeof proof !== 'string' || typeof text !== 'string') return undefined;
    const [given, right] = [Buffer.from(proof, 'utf8'), Buffer.from(proofOf(secret, text), 'utf8')];
    return given.length === right.length && timingSafeEqual(given, right) ? text : undefined;
  } catch {
    return undefined;
  }
}

const proofOf = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('hex');
