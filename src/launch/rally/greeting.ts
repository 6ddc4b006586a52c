/**
 * The first frames of an HTTP/2 connection: what a head says to somebody it will not talk to, and what a member reads
 * when it looks at what is there. Pure (RFC 9113, 3.4 and 6.8).
 */
import { printable } from '../../printable.ts';
import { clip, LIMIT } from './limits.ts';

const HEADER_BYTES = 9;
const SETTINGS = 4;
const GOAWAY = 7;
/** INADEQUATE_SECURITY */
const INADEQUATE = 0xc;
const MAX_CHARACTER_BYTES = 4;

/** What every HTTP/2 client begins with, and empty settings. */
export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS)]);

function frame(type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  return Buffer.concat([header, payload]);
}

/** Settings, then a GOAWAY that says why: the one refusal that every HTTP/2 client understands. */
export function sendOff(why: string): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(INADEQUATE, 4);
  return Buffer.concat([frame(SETTINGS), frame(GOAWAY, Buffer.concat([payload, Buffer.from(clip(why, LIMIT.value))]))]);
}

export type Greeting =
  /** Not enough has come to tell. */
  | { readonly kind: 'more' }
  | { readonly kind: 'other' }
  /** @param sentOff why the other side will not talk to us over this connection, as it says */
  | { readonly kind: 'http2'; readonly sentOff?: string };

export function readGreeting(bytes: Buffer): Greeting {
  if (bytes.length < HEADER_BYTES) return bytes[0] === 0 || bytes.length === 0 ? { kind: 'more' } : { kind: 'other' };
  if (bytes[0] !== 0 || bytes[3] !== SETTINGS) return { kind: 'other' };
  const next = bytes.subarray(HEADER_BYTES + bytes.readUIntBE(0, 3));
  if (next.length < HEADER_BYTES) return { kind: 'more' };
  const length = next.readUIntBE(0, 3);
  if (next[3] !== GOAWAY) return { kind: 'http2' };
  if (length > MAX_CHARACTER_BYTES * LIMIT.value + 8) return { kind: 'http2' };
  if (next.length < HEADER_BYTES + length) return { kind: 'more' };
  const payload = next.subarray(HEADER_BYTES, HEADER_BYTES + length);
  if (length < 8 || payload.readUInt32BE(4) !== INADEQUATE) return { kind: 'http2' };
  return { kind: 'http2', sentOff: clip(printable(payload.subarray(8).toString('utf8')), LIMIT.sentence) };
}
