/**
 * A member's stream to the head: the handshake, then beats both ways and the head's words, until it ends in one of a few
 * ways. One stream, one channel, one HTTP/2 connection; a broken one is never reused.
 */
import { type Client, type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { MusterError, type Refusal } from '../../errors.ts';
import { printable } from '../../printable.ts';
import type { Tls } from '../../wire/tls.ts';
import { type Nonces, newNonce, unseal } from './auth.ts';
import { newChannel } from './channel.ts';
import { type Checked, checkEnding, checkEngineCall, checkRefusals, checkSeat, checkStart } from './check.ts';
import type { TypeOf } from './codec.ts';
import { Missed, WHICH_PORT } from './dial.ts';
import { answerTo } from './handshake.ts';
import { clip, LIMIT, PROTOCOL, TIME } from './limits.ts';
import { type Pulse, startPulse } from './pulse.ts';
import type { Ending, EngineCall, Hello, Phase, Seat, StartOrder } from './rally.ts';
import { protocolError } from './refusals.ts';
import { type Challenge, FromHead, FromMember, PATH, type Prepare, type Welcome } from './schema.ts';
import { withWhatIsThere } from './what-is-there.ts';
import { seconds } from './words.ts';

export interface Welcomed {
  readonly seat: Seat;
  readonly head: string;
  readonly headIncarnation: string;
}

export interface Missing {
  readonly count: number;
  readonly ranks: readonly number[];
}

/** What the head says after it has seated us. */
export interface Ears {
  onChallenge(): void;
  onWelcome(welcomed: Welcomed): void;
  onPrepare(call: EngineCall): void;
  onStart(order: StartOrder): void;
  onPhase(phase: Phase): void;
  onMissing(missing: Missing): void;
}

export type SessionEnd =
  | { readonly how: 'stopped'; readonly ending: Ending }
  | { readonly how: 'refused'; readonly refusals: readonly [Refusal, ...Refusal[]]; readonly retry: boolean }
  /** @param why what the head did, e.g. `closed its connection` */
  | { readonly how: 'lost'; readonly why: string };

export interface SessionOptions {
  readonly address: string;
  readonly head: { readonly host: string; readonly port: number };
  readonly self: Hello;
  readonly token: string | undefined;
  readonly tls: Tls | undefined;
  readonly ears: Ears;
  readonly now: () => number;
}

type JoinCall = ClientDuplexStream<FromMember, FromHead>;

export class Session {
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #client: Client;
  readonly #call: JoinCall;
  readonly #closed = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #welcomed = Promise.withResolvers<void>();
  readonly #nonce = newNonce();
  #nonces: Nonces | undefined;
  #seat: Seat | undefined;
  #pulse: Pulse | undefined;
  #heardAt = 0;
  #seq = 0;
  #over = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = this.#ended.promise;
    this.#welcomed.promise.catch(() => {});
    this.#client = newChannel(options.address, options.head, options.tls);
    this.#call = this.#client.makeBidiStreamRequest(PATH.join, FromMember.encode, FromHead.decode);
    this.#call.on('data', (message: FromHead) => this.#receive(message));
    this.#call.on('error', (error: ServiceError) => this.#broke(error));
    this.#call.on('end', () => this.#finish({ how: 'lost', why: 'closed its connection' }));
    this.#call.on('status', () => this.#closed.resolve());
    const { self, token } = options;
    this.send({
      kind: 'open',
      value: { nonce: this.#nonce, hasToken: token !== undefined, protocol: PROTOCOL, member: self.member },
    });
  }

  /**
   * Resolves when the head has seated us.
   *
   * @throws Missed when it may be tried again, MusterError when it may not
   */
  async welcomed(withinMs: number, signal: AbortSignal): Promise<void> {
    const giveUp = () => this.#refuse(signal.reason);
    const timer = setTimeout(
      () => this.#refuse(new Missed('hello', `no answer within ${seconds(withinMs)}`, '')),
      withinMs,
    );
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await this.#welcomed.promise;
    } catch (cause) {
      this.#over = true;
      await this.close(cause instanceof MusterError && !signal.aborted ? TIME.farewellMs : 0);
      throw cause instanceof Missed ? await withWhatIsThere(cause, this.#options) : cause;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  send(message: NonNullable<FromMember>): void {
    if (!this.#call.writableEnded && !this.#call.destroyed) this.#call.write(message);
  }

  /** Closes our side, waits for the head's (at most `farewellMs`), then the connection. */
  async close(farewellMs: number): Promise<void> {
    this.#pulse?.stop();
    this.#call.end();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, farewellMs);
    await Promise.race([this.#closed.promise, late.promise]);
    clearTimeout(timer);
    this.#call.cancel();
    this.#client.close();
  }

  #receive(message: FromHead) {
    this.#heardAt = this.#options.now();
    if (this.#over || message === undefined) return;
    if (this.#nonces === undefined) return this.#first(message);
    if (message.kind === 'refused') return this.#refused(message.value);
    if (this.#seat === undefined && message.kind !== 'welcome')
      return this.#wrong(`a ${message.kind} before the welcome`);
    switch (message.kind) {
      case 'welcome':
        return this.#welcome(message.value);
      case 'beat':
        return this.#options.ears.onMissing({ count: message.value.missing, ranks: message.value.missingRanks });
      case 'prepare':
        return this.#prepare(message.value);
      case 'start':
        return this.#believe(checkStart(message.value, this.#seat?.worldSize ?? 0), this.#options.ears.onStart);
      case 'report':
        return message.value.phase && this.#options.ears.onPhase(message.value.phase);
      case 'stop':
        return this.#finish({ how: 'stopped', ending: checkEnding(message.value.ending, 'the head') });
      default:
        return this.#wrong(`a second ${message.kind}`);
    }
  }

  /** Before the head has proved the token, nothing it says counts but its proof. */
  #first(message: NonNullable<FromHead>) {
    const { token } = this.#options;
    if (message.kind === 'challenge') return this.#challenged(message.value);
    if (message.kind === 'refused' && token === undefined) return this.#refused(message.value);
    this.#refuse(new Missed('hello', `it says ${message.kind} before it has proved that it has the token`, WHICH_PORT));
  }

  #challenged(challenge: TypeOf<typeof Challenge>) {
    const answer = answerTo(challenge, { ...this.#options, nonce: this.#nonce });
    if (answer.do === 'disbelieve') return this.#wrong(answer.what);
    if (answer.do === 'leave') {
      const ending = { ...answer.refusal, exitStatus: 0, culprit: undefined };
      this.send({ kind: 'leave', value: { ending } });
      return this.#refuse(new MusterError(answer.refusal));
    }
    this.#nonces = answer.nonces;
    this.#options.ears.onChallenge();
    this.send({ kind: 'hello', value: answer.hello });
  }

  #welcome(given: TypeOf<typeof Welcome>) {
    const seat = checkSeat(given);
    if (typeof seat === 'string') return this.#wrong(seat);
    const { ears, now } = this.#options;
    this.#pulse?.stop();
    this.#seat = seat;
    this.#pulse = startPulse({
      beatMs: seat.beatMs,
      now,
      onBeat: () => this.send({ kind: 'beat', value: { seq: ++this.#seq, missing: 0, missingRanks: [] } }),
      onTick: (lateMs) => this.#listenForHead(lateMs, seat),
    });
    ears.onWelcome({ seat, head: given.head, headIncarnation: given.headIncarnation });
    if (given.headPhase) ears.onPhase(given.headPhase);
    this.#welcomed.resolve();
  }

  #listenForHead(lateMs: number, { beatMs, leaseMs }: Seat) {
    const silentMs = this.#options.now() - this.#heardAt;
    if (lateMs > beatMs || silentMs <= leaseMs) return;
    this.#finish({ how: 'lost', why: `stopped beating ${seconds(silentMs)} ago` });
  }

  #prepare({ address, secret, sealed }: TypeOf<typeof Prepare>) {
    const { token, ears } = this.#options;
    const opened =
      sealed.length > 0 && token !== undefined && this.#nonces ? unseal(token, this.#nonces, sealed) : secret;
    if (sealed.length > 0 && opened === undefined) return this.#wrong('an engine secret that cannot be unsealed');
    this.#believe(checkEngineCall(address, opened), ears.onPrepare);
  }

  #believe<T extends object>(checked: Checked<T>, then: (value: T) => void): void {
    if (typeof checked === 'string') this.#wrong(checked);
    else then.call(this.#options.ears, checked);
  }

  #refused(value: { readonly refusals: Parameters<typeof checkRefusals>[0]; readonly retry: boolean }) {
    const refusals = checkRefusals(value.refusals);
    this.#refuse(value.retry ? new Missed('seat', refusals[0].message, refusals[0].hint) : new MusterError(refusals));
    this.#finish({ how: 'refused', refusals, retry: value.retry });
  }

  #wrong(what: string) {
    const refusal = protocolError('the head', what);
    this.#refuse(new MusterError(refusal));
    this.#finish({ how: 'refused', refusals: [refusal], retry: false });
  }

  #broke(error: ServiceError) {
    this.#closed.resolve();
    const why = `${status[error.code]}: ${clip(printable(error.details), LIMIT.shownValue)}`;
    if (error.code === status.UNIMPLEMENTED)
      this.#refuse(new Missed('hello', `it speaks gRPC, but is no head of muster (${why})`, WHICH_PORT));
    else this.#refuse(new Missed('hello', why, ''));
    this.#finish({ how: 'lost', why: `closed its connection (${why})` });
  }

  #refuse(error: unknown) {
    this.#welcomed.reject(error);
  }

  #finish(end: SessionEnd) {
    this.#over = true;
    this.#pulse?.stop();
    this.#refuse(new Missed('hello', 'it closed the connection before its welcome', ''));
    this.#ended.resolve(end);
  }
}
