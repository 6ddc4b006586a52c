/** What a member answers to the head's challenge: its hello, or why it goes without one. Pure. */
import type { Refusal } from '../../errors.ts';
import { headProof, memberProof, NONCE_BYTES, type Nonces, sameProof } from './auth.ts';
import type { TypeOf } from './codec.ts';
import { LIMIT, PROTOCOL } from './limits.ts';
import type { Hello } from './rally.ts';
import { helloTooLong, oneToken, otherProtocol, WRONG_TOKEN } from './refusals.ts';
import { type Challenge, HelloBody } from './schema.ts';

export type Answer =
  | {
      readonly do: 'say hello';
      readonly nonces: Nonces;
      readonly hello: { readonly body: Buffer; readonly proof: Buffer };
    }
  /** Goes before it has said who it is, with the reason, so that the head can tell its people. */
  | { readonly do: 'leave'; readonly refusal: Refusal }
  | { readonly do: 'disbelieve'; readonly what: string };

export interface Challenged {
  readonly self: Hello;
  readonly token: string | undefined;
  /** What we asked the head to answer. */
  readonly nonce: Uint8Array;
}

export function answerTo(given: TypeOf<typeof Challenge>, { self, token, nonce }: Challenged): Answer {
  if (given.nonce.length !== NONCE_BYTES) return { do: 'disbelieve', what: `a nonce of ${given.nonce.length} bytes` };
  const nonces = { member: nonce, head: given.nonce };
  const refusal = objection(given, nonces, token);
  if (refusal) return { do: 'leave', refusal };
  const body = HelloBody.encode({ preferredRank: undefined, ...self });
  if (body.length > LIMIT.memberMessageBytes - 256) return { do: 'leave', refusal: helloTooLong(body.length) };
  const proof = token === undefined ? Buffer.alloc(0) : memberProof(token, nonces, body);
  return { do: 'say hello', nonces, hello: { body, proof } };
}

/** A head that has not proved the token gets no hello. */
function objection(
  { proof, hasToken, protocol }: TypeOf<typeof Challenge>,
  nonces: Nonces,
  token: string | undefined,
): Refusal | undefined {
  if (hasToken !== (token !== undefined)) return oneToken(hasToken);
  if (token !== undefined && !sameProof(proof, headProof(token, nonces))) return WRONG_TOKEN;
  if (protocol !== PROTOCOL) return otherProtocol({ head: protocol, member: PROTOCOL });
  return undefined;
}
