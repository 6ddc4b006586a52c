/** What is said at the door, by the head or by the member that turns away: the same words on both sides. */
import type { Refusal } from '../../errors.ts';
import { LIMIT, PROTOCOL } from './limits.ts';

export const protocolError = (who: 'the head' | 'the member', what: string): Refusal => ({
  code: 'PROTOCOL',
  message: `${who} did not speak the rally's protocol: ${what}`,
  hint: 'Run the same muster on every member.',
});

export const otherProtocol = ({ head, member }: { head: number; member: number }): Refusal => ({
  code: 'VERSION_MISMATCH',
  message: `the rally's protocol differs: head "${head}", member "${member}" (this muster speaks "${PROTOCOL}")`,
  hint: 'Run the same muster on every member.',
});

export const WRONG_TOKEN: Refusal = {
  code: 'TOKEN_WRONG',
  message: 'the member has another token than the head',
  hint: 'Give every member the same token: one Secret, mounted or set on all of them.',
};

/** Which of the two lacks a token. */
export const oneToken = (headHas: boolean): Refusal => ({
  code: 'TOKEN_WRONG',
  message: headHas
    ? 'the head has a token and the member has none'
    : 'the member has a token and the head has none, so it cannot be trusted',
  hint: `Give the token to the ${headHas ? 'member' : 'head'} too: one Secret, mounted or set on all machines.`,
});

export const TOO_MANY: Refusal = {
  code: 'PROTOCOL',
  message: 'too many connections to the head',
  hint: 'Somebody floods the port: restrict who may reach it.',
};

/** A head with TLS met somebody without. */
export const WITHOUT_TLS: Refusal = {
  code: 'TLS_REFUSED',
  message: 'the head speaks TLS only, and the member speaks without',
  hint: 'Set MUSTER_TLS_DIR on every member, or on none.',
};

/** The other way round. */
export const ONLY_PLAIN: Refusal = {
  code: 'TLS_REFUSED',
  message: 'the member speaks TLS, and the head has no certificate',
  hint: 'Set MUSTER_TLS_DIR on the head too, or on nobody.',
};

/** The member broke off the handshake: its TLS did not like ours. @param why OpenSSL's word for it */
export const brokenOff = (why: string): Refusal => ({
  code: 'TLS_REFUSED',
  message: `the TLS handshake failed (${why})`,
  hint: "See the member's log; does it trust the CA of the head's certificate?",
});

/** @param why the head's words, as they came */
export const refusedByHead = (why: string): Refusal => ({
  code: 'TLS_REFUSED',
  message: `the head refuses the connection: ${why}`,
  hint: 'Give every member certificates of one issuer, and its CA.',
});

export const helloTooLong = (bytes: number): Refusal => ({
  code: 'PROTOCOL',
  message: `the hello has ${bytes} bytes, ${LIMIT.memberMessageBytes - 256} are allowed`,
  hint: 'Give the server its long arguments in a file.',
});

export const orderTooLong = (bytes: number): Refusal => ({
  code: 'ARGS_TOO_LONG',
  message: `the start order has ${bytes} bytes, ${LIMIT.headMessageBytes} are allowed`,
  hint: 'Give the server its long arguments in a file.',
});
