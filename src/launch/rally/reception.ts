/**
 * One stream to the head, from Open to its end: proves the token, checks what is said, turns it into events.
 * No policy lives here; the reducer decides.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Refusal } from '../../errors.ts';
import { headProof, memberProof, NONCE_BYTES, type Nonces, newNonce, sameProof, seal } from './auth.ts';
import { checkEnding, checkHello } from './check.ts';
import type { TypeOf } from './codec.ts';
import { PROTOCOL, TIME } from './limits.ts';
import { MalformedMessage } from './protobuf.ts';
import { oneToken, otherProtocol, protocolError, WRONG_TOKEN } from './refusals.ts';
import type { ConnId, Event, ToMember } from './roll.ts';
import { type Beat, type FromHead, FromMember, type Hello, HelloBody, type Open } from './schema.ts';
import { shown } from './words.ts';

export type JoinCall = ServerDuplexStream<Heard, FromHead>;

/** What came, or why it is no message: that is ours to refuse, not for grpc-js. */
type Heard = FromMember | { readonly kind: 'malformed'; readonly value: string };

/**
 * Never throws. When a message cannot be decoded, grpc-js 1.14.7 ends the stream by itself; an answer of ours that is
 * still on its way then is a write after the end, after which the stream is neither closed nor reset, ever.
 */
export function hear(bytes: Uint8Array): Heard {
  try {
    return FromMember.decode(bytes);
  } catch (cause) {
    if (cause instanceof MalformedMessage) return { kind: 'malformed', value: cause.message };
    throw cause;
  }
}

export interface Reception {
  readonly token: string | undefined;
  readonly happened: (event: Event) => void;
  /** Anything came from this seated stream: it is alive. */
  readonly heard: (conn: ConnId) => void;
  /** How to close the connection under a stream. */
  readonly lineTo: (peer: string) => () => void;
}

/** Where a stream is: before Open, before Hello, or admitted. */
type Stage =
  | { at: 'open' }
  | { at: 'hello'; nonces: Nonces; claimed: string }
  | { at: 'in'; nonces: Nonces; member: string };

export class Guest {
  readonly id: ConnId;
  readonly #call: JoinCall;
  readonly #desk: Reception;
  readonly #gone: Promise<void>;
  readonly #hangUp: () => void;
  #patience: NodeJS.Timeout;
  #stage: Stage = { at: 'open' };
  #ended = false;

  constructor(id: ConnId, call: JoinCall, desk: Reception) {
    this.id = id;
    this.#call = call;
    this.#desk = desk;
    this.#hangUp = desk.lineTo(call.getPeer());
    this.#patience = setTimeout(() => this.end(), TIME.handshakeMs).unref();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gone = promise;
    const gone = () => {
      this.#ends();
      desk.happened({ on: 'closed', conn: id });
      resolve();
    };
    call.on('data', (message: Heard) => this.#receive(message));
    // 'cancelled': the connection broke; 'end': the member closed its side; 'error': it sent what is no message.
    call
      .once('end', () => this.end())
      .once('cancelled', gone)
      .once('close', gone)
      .on('error', () => call.destroy());
  }

  /** Resolves when the stream is closed on both sides. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  send(message: ToMember): void {
    if (!this.#ended) this.#call.write(this.#onWire(message));
  }

  beat(beat: TypeOf<typeof Beat>): void {
    if (!this.#ended && this.#stage.at === 'in') this.#call.write({ kind: 'beat', value: beat });
  }

  end(): void {
    if (this.#ends()) this.#call.end();
  }

  /** A member's connection carries its stream and nothing else: with one, the other ends, at the latest a moment later. */
  #ends(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(this.#hangUp, TIME.farewellMs).unref();
    return true;
  }

  #receive(message: Heard) {
    if (this.#ended || message === undefined) return;
    if (message.kind === 'malformed')
      return this.#turnAway(protocolError('the member', `bytes that are no message: ${message.value}`));
    if (this.#stage.at === 'in') {
      this.#desk.heard(this.id);
      return this.#listen(message, this.#stage.member);
    }
    if (message.kind === 'open' && this.#stage.at === 'open') return this.#challenge(message.value);
    if (message.kind === 'hello' && this.#stage.at === 'hello') return this.#admit(message.value, this.#stage);
    if (message.kind === 'leave' && this.#stage.at === 'hello') return this.#goes(message.value, this.#stage);
    this.#turnAway(protocolError('the member', `a ${message.kind} came where it does not belong`));
  }

  #challenge({ nonce, hasToken, protocol, member }: TypeOf<typeof Open>) {
    const { token } = this.#desk;
    // Copies of their own: a slice of Node's pool would keep 8 KiB alive for as long as the member stays.
    const nonces = { member: Uint8Array.from(nonce), head: Uint8Array.from(newNonce()) };
    this.#stage = { at: 'hello', nonces, claimed: member };
    if (nonce.length !== NONCE_BYTES)
      return this.#turnAway(protocolError('the member', `a nonce of ${nonce.length} bytes`));
    const proof = token !== undefined && hasToken ? headProof(token, nonces) : Buffer.alloc(0);
    const value = { nonce: nonces.head, proof, hasToken: token !== undefined, protocol: PROTOCOL };
    this.#call.write({ kind: 'challenge', value });
    if (protocol !== PROTOCOL) return this.#turnAway(otherProtocol({ head: PROTOCOL, member: protocol }));
    if (hasToken !== (token !== undefined)) this.#turnAway(oneToken(token !== undefined));
  }

  #admit({ body, proof }: TypeOf<typeof Hello>, { nonces }: { nonces: Nonces }) {
    const { token } = this.#desk;
    if (token !== undefined && !sameProof(proof, memberProof(token, nonces, body))) return this.#turnAway(WRONG_TOKEN);
    const hello = readHello(body);
    if (typeof hello === 'string') return this.#turnAway(protocolError('the member', hello));
    clearTimeout(this.#patience);
    this.#stage = { at: 'in', nonces, member: hello.member };
    this.#desk.happened({ on: 'hello', conn: this.id, hello });
  }

  #listen(message: NonNullable<FromMember>, member: string) {
    const conn = this.id;
    if (message.kind === 'report' && message.value.phase)
      this.#desk.happened({ on: 'report', conn, phase: message.value.phase });
    if (message.kind === 'handOver') this.#desk.happened({ on: 'hand-over', conn });
    if (message.kind === 'leave')
      this.#desk.happened({ on: 'leave', conn, ending: checkEnding(message.value.ending, member) });
    // Who leaves is told how it ends before its stream is closed.
    if (message.kind === 'handOver') this.end();
  }

  /** It went before Hello, most likely because our proof was wrong to it. Its words are a stranger's: told, not believed. */
  #goes({ ending }: { ending: Parameters<typeof checkEnding>[0] }, { claimed }: { claimed: string }) {
    const refusal =
      ending?.code === 'TOKEN_WRONG'
        ? WRONG_TOKEN
        : protocolError('the member', `it left: ${shown(ending?.message ?? '')}`);
    this.#desk.happened({ on: 'turned-away', who: this.#who(claimed), refusal });
    this.end();
  }

  #turnAway(refusal: Refusal) {
    const claimed = this.#stage.at === 'hello' ? this.#stage.claimed : '';
    this.#call.write({ kind: 'refused', value: { refusals: [refusal], retry: false } });
    this.#desk.happened({ on: 'turned-away', who: this.#who(claimed), refusal });
    this.end();
  }

  #who(claimed: string): string {
    const address = this.#call.getPeer().replace(/:\d+$/, '');
    return `${claimed || 'somebody'} at ${address}`;
  }

  #onWire(message: ToMember): NonNullable<FromHead> {
    switch (message.say) {
      case 'welcome': {
        const { seat, head, headIncarnation, headPhase, leftMs } = message;
        return { kind: 'welcome', value: { ...seat, head, headIncarnation, headPhase, leftMs } };
      }
      case 'refused':
        return { kind: 'refused', value: { refusals: message.refusals, retry: message.retry } };
      case 'prepare':
        return { kind: 'prepare', value: this.#sealed(message.call.address, message.call.secret) };
      case 'start':
        return { kind: 'start', value: message.order };
      case 'phase':
        return { kind: 'report', value: { phase: message.phase } };
      case 'stop':
        return { kind: 'stop', value: { ending: message.ending } };
    }
  }

  #sealed(address: string, secret: string | undefined) {
    const { token } = this.#desk;
    if (secret === undefined || token === undefined || this.#stage.at !== 'in')
      return { address, secret, sealed: Buffer.alloc(0) };
    return { address, secret: undefined, sealed: seal(token, this.#stage.nonces, secret) };
  }
}

function readHello(body: Uint8Array): ReturnType<typeof checkHello> {
  try {
    return checkHello(HelloBody.decode(body));
  } catch (cause) {
    if (cause instanceof MalformedMessage) return `a hello that is no message: ${cause.message}`;
    throw cause;
  }
}
