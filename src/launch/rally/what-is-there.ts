/**
 * What is at the head's port, for a member whose hello failed without a word: somebody who is no head yet, or a head whose
 * TLS does not fit ours. The first may change and is waited for; the second ends the member, with the reason.
 */
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { MusterError, type Refusal } from '../../errors.ts';
import { certificateOf, dialOptions, distrust, type Tls } from '../../wire/tls.ts';
import { codeOf, type Layer, Missed, WHICH_PORT } from './dial.ts';
import { type Greeting, PREFACE, readGreeting } from './greeting.ts';
import { TIME } from './limits.ts';
import { ONLY_PLAIN, refusedByHead, WITHOUT_TLS } from './refusals.ts';
import { hostPort, seconds, shown } from './words.ts';

export interface Spot {
  readonly address: string;
  readonly head: { readonly host: string; readonly port: number };
  readonly tls: Tls | undefined;
}

/** @returns `missed` with what is there in its words, or why there is no use in trying again */
export async function withWhatIsThere(missed: Missed, spot: Spot): Promise<Missed | MusterError> {
  if (missed.layer !== 'hello' || missed.hint !== '') return missed;
  const { layer, what, refusal } = await (spot.tls ? lookThroughTls(spot, spot.tls) : look(spot));
  if (refusal) return new MusterError(refusal);
  const where = hostPort(spot.address, spot.head.port);
  return new Missed(layer, `${where} is no head yet: ${what} (${missed.message})`, WHICH_PORT);
}

interface Seen {
  readonly layer: Layer;
  readonly what: string;
  readonly refusal?: Refusal | undefined;
  /** It speaks HTTP/2, and does not mind how we came. */
  readonly isHttp2?: boolean;
}

async function look({ address, head }: Spot): Promise<Seen> {
  const reply = await greet(connect({ host: address, port: head.port }), 'connect');
  if (typeof reply === 'string') return { layer: 'hello', what: reply };
  if (reply[0] === TLS_ALERT) return { layer: 'TLS', what: 'it speaks TLS' };
  const greeting = readGreeting(reply);
  if (greeting.kind === 'other') return { layer: 'hello', what: words(reply) };
  const refusal = sentOffIn(greeting) === undefined ? undefined : WITHOUT_TLS;
  return { layer: 'hello', what: 'it speaks HTTP/2', refusal, isHttp2: refusal === undefined };
}

async function lookThroughTls(spot: Spot, tls: Tls): Promise<Seen> {
  const { connect: connectTls } = await import('node:tls');
  const { address, head } = spot;
  const expected = tls.name ?? head.host;
  const dial = dialOptions(tls.identity(), expected);
  // Whatever it shows: nothing is told to it, and what is wrong with its certificate is told to us only this way.
  const socket = connectTls({ host: address, port: head.port, ...dial, rejectUnauthorized: false });
  let refusal: Refusal | undefined;
  let shaken = false;
  socket.once('secureConnect', () => {
    shaken = true;
    refusal = judge(socket, expected);
  });
  const reply = await greet(socket, 'secureConnect');
  if (refusal) return { layer: 'TLS', what: refusal.message, refusal };
  if (!shaken) return withoutTls(spot, typeof reply === 'string' ? reply : words(reply));
  if (typeof reply === 'string') return { layer: 'hello', what: reply };
  const greeting = readGreeting(reply);
  if (greeting.kind === 'other') return { layer: 'hello', what: words(reply) };
  const sentOff = sentOffIn(greeting);
  return {
    layer: 'hello',
    what: 'it speaks HTTP/2',
    refusal: sentOff === undefined ? undefined : refusedByHead(sentOff),
  };
}

/** No handshake: perhaps it speaks in the clear. */
async function withoutTls(spot: Spot, failure: string): Promise<Seen> {
  const plain = await look({ ...spot, tls: undefined });
  if (plain.isHttp2) return { layer: 'TLS', what: plain.what, refusal: ONLY_PLAIN };
  const isOther = plain.layer === 'hello' && plain.what.startsWith('it ');
  return { layer: 'TLS', what: isOther ? `${plain.what}, and no TLS` : `no TLS handshake: ${failure}` };
}

/** What is wrong with the head's certificate. */
function judge(socket: TLSSocket, expected: string): Refusal | undefined {
  if (socket.authorized) return undefined;
  const x509 = socket.getPeerX509Certificate();
  const code = String(socket.authorizationError);
  return distrust({ code, whose: 'head', certificate: x509 && certificateOf(x509), expected, now: Date.now() });
}

const sentOffIn = (greeting: Greeting): string | undefined =>
  greeting.kind === 'http2' ? greeting.sentOff : undefined;

const TLS_ALERT = 0x15;

/** Greets in HTTP/2 and returns what came back, or why nothing did. Never throws; the socket is gone afterwards. */
async function greet(
  socket: Socket,
  ready: 'connect' | 'secureConnect',
  withinMs = TIME.peekMs,
): Promise<Buffer | string> {
  let seen = Buffer.alloc(0);
  const reply = await new Promise<Buffer | string>((resolve) => {
    const late = () =>
      resolve(seen.length > 0 ? seen : `it accepts the connection and says nothing for ${seconds(withinMs)}`);
    const timer = setTimeout(late, withinMs);
    const done = (what: Buffer | string) => {
      clearTimeout(timer);
      resolve(what);
    };
    socket.once(ready, () => socket.write(PREFACE));
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (readGreeting(seen).kind !== 'more') done(seen);
    });
    socket.once('end', () => done(seen.length > 0 ? seen : 'it closes the connection without a word'));
    socket.on('error', (error) => done(seen.length > 0 ? seen : `the connection breaks (${codeOf(error)})`));
  });
  socket.destroy();
  return reply;
}

function words(seen: Buffer): string {
  const line = seen.subarray(0, 64).toString('latin1').split('\r\n')[0] ?? '';
  return line.startsWith('HTTP/1') ? `it speaks HTTP/1 (${shown(line)})` : `it answers ${shown(line)}`;
}
