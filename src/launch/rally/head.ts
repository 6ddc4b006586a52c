/**
 * The head's side of the rally: opens the port, feeds what happens to the reducer, does what it says.
 */
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { MusterError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Tls } from '../../wire/tls.ts';
import { headWaits, newsOf } from './awaited.ts';
import type { TypeOf } from './codec.ts';
import { type Door, openDoor } from './door.ts';
import { errorOf } from './endings.ts';
import { addHealthService, type HealthService, HealthState } from './health.ts';
import { Inquiry } from './inquiry.ts';
import { mayBeSilent } from './leases.ts';
import { LIMIT, TIME } from './limits.ts';
import { paceOf } from './pace.ts';
import { startPulse, TICKS_PER_BEAT } from './pulse.ts';
import type { Ending, Hello, News, Peer, Phase, RallyHead, StartOrder, Waiting } from './rally.ts';
import { Guest, hear, type JoinCall } from './reception.ts';
import { open, reached, reduce } from './reducer.ts';
import { orderTooLong } from './refusals.ts';
import { type ConnId, countMissing, type Effect, type Event, missingRanks, type Step } from './roll.ts';
import { FromHead, PATH, Start, StatusReply, StatusRequest } from './schema.ts';
import { statusOf } from './status.ts';
import { SETTLE_MS } from './suspects.ts';
import { spareMemory } from './thrift.ts';
import { hostPort, seconds } from './words.ts';

export interface RallyHeadOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly self: Hello;
  /** Members, head included. */
  readonly worldSize: number;
  /** At least 16 bytes (checked by the caller); undefined: anybody may join. */
  readonly token: string | undefined;
  /** Undefined: whoever speaks TLS is told so. */
  readonly tls?: Tls | undefined;
  /** How long to wait for everybody. */
  readonly timeoutMs: number;
  /** Default of the launcher: 1000, with a lease of 3000. Both are longer in a group of more than 500 (`pace.ts`). */
  readonly beatMs: number;
  readonly leaseMs: number;
  /** How often to say whom the head waits for. */
  readonly progressMs: number;
  /** Accelerators the plan needs from all members together; undefined: not known. */
  readonly devicesNeeded: number | undefined;
  readonly generation: number;
  /** Has the last word on why a generation ended, before anybody is told. */
  readonly lastWord?: (ending: Ending) => Ending;
  /** Called when a worker arrives, goes, or is in another phase; must not throw. */
  readonly onNews?: (news: News) => void;
  /** How long one end is held back for a better reason. @default SETTLE_MS */
  readonly settleMs?: number;
  readonly log: Log;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** @throws MusterError PORT_TAKEN or ADDRESS_UNAVAILABLE */
export async function openRally(options: RallyHeadOptions): Promise<RallyHead> {
  spareMemory(options.worldSize);
  const room = new Room(options);
  await room.open();
  return room;
}

interface Waiter {
  readonly phase: Phase;
  readonly done: PromiseWithResolvers<void>;
}

class Room implements RallyHead {
  readonly assembled: Promise<readonly Peer[]>;
  readonly ended: Promise<Ending>;
  readonly #options: RallyHeadOptions;
  readonly #assembled = Promise.withResolvers<readonly Peer[]>();
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #guests = new Map<ConnId, Guest>();
  readonly #health = new HealthState();
  #healthService: HealthService | undefined;
  #door: Door | undefined;
  #roll: Step['roll'];
  #firstEffects: readonly Effect[];
  #waiters: Waiter[] = [];
  #heard = new Map<ConnId, number>();
  #guestCount = 0;
  #closing: Promise<void> | undefined;
  #handedOver = false;
  readonly #inquiry: Inquiry;
  #stopPulse = () => {};

  constructor(options: RallyHeadOptions) {
    this.#options = { ...options, ...paceOf(options.worldSize, options) };
    const { roll, effects } = open(this.#options, options.now());
    this.#roll = roll;
    this.#firstEffects = effects;
    this.#inquiry = new Inquiry(
      (ending) => this.#happened({ on: 'stop', ending }),
      () => mayBeSilent(this.#roll, options.now()),
      options.settleMs ?? SETTLE_MS,
    );
    this.assembled = this.#assembled.promise;
    this.ended = this.#ended.promise;
    this.assembled.catch(() => {}); // whoever waits for it is told; nobody has to
  }

  get port(): number {
    return this.#door?.port ?? this.#options.port;
  }

  async open(): Promise<void> {
    const { host, port, tls, worldSize, beatMs, leaseMs, now, log } = this.#options;
    const join = (call: JoinCall) => this.#receive(call);
    this.#door = await openDoor({
      host,
      port,
      tls,
      maxConnections: 4 * worldSize + 64,
      furnish: (server) => {
        server.register(PATH.join, join, FromHead.encode, hear, 'bidi');
        server.register(PATH.status, this.#status, StatusReply.encode, StatusRequest.decode, 'unary');
        this.#healthService = addHealthService(server, this.#health);
      },
      onRefused: (from, refusal) => this.#happened({ on: 'turned-away', who: `somebody at ${from}`, refusal }),
    });
    log.debug(`listening on ${hostPort(host, this.port)}; a beat every ${seconds(beatMs)}, lease ${seconds(leaseMs)}`);
    let turn = 0;
    const pulse = startPulse({
      beatMs,
      now,
      onTick: (lateMs) => {
        this.#tick(lateMs);
        this.#beat(turn++);
      },
    });
    this.#stopPulse = pulse.stop;
    this.#perform(this.#firstEffects);
  }

  view() {
    return { members: statusOf(this.#roll, this.#options.now()).members, leaseMs: this.#options.leaseMs };
  }

  waiting(): Waiting | undefined {
    return headWaits(this.#roll, this.#options.now());
  }

  prepare(call: Parameters<RallyHead['prepare']>[0]): void {
    this.#happened({ on: 'prepare', call });
  }

  start(order: StartOrder): void {
    if (this.#roll.stage === 'gathering') throw new Error('the rally was started before it had assembled');
    const bytes = Start.encode(order).length;
    if (bytes > LIMIT.headMessageBytes - 1024) throw new MusterError(orderTooLong(bytes));
    this.#happened({ on: 'start', order });
  }

  report(phase: Phase): void {
    this.#happened({ on: 'head-phase', phase });
    this.#health.set(phase === 'ready' && !this.#roll.ending);
  }

  reached(phase: Phase): Promise<void> {
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {});
    const { ending } = this.#roll;
    if (ending) done.reject(errorOf(ending));
    else this.#waiters.push({ phase, done });
    this.#settle();
    return done.promise;
  }

  async blame(own: Ending): Promise<Ending> {
    // A command that is done has done no harm, unless it is one of several ends.
    if (own.code === 'DONE' && !this.#inquiry.isFor(own)) return own;
    if (own.code !== 'DONE') this.#inquiry.hear({ rank: 0, ending: own });
    return this.ended;
  }

  stop(ending: Ending): Promise<void> {
    this.#happened({ on: 'stop', ending });
    return this.#close();
  }

  handOver(): Promise<void> {
    this.report('handed-over');
    this.#handedOver = true;
    for (const guest of this.#guests.values()) guest.end();
    return this.#close();
  }

  #close(): Promise<void> {
    this.#closing ??= this.#farewell();
    return this.#closing;
  }

  async #farewell(): Promise<void> {
    this.#stopPulse();
    this.#inquiry.close();
    this.#health.set(false);
    const watches = this.#healthService?.endWatches();
    this.#door?.shut();
    for (const guest of this.#guests.values()) guest.end();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, TIME.farewellMs);
    const guests = [...this.#guests.values()].map(({ gone }) => gone);
    await Promise.race([Promise.all([watches, ...guests]), late.promise]);
    clearTimeout(timer);
    await this.#door?.destroy();
  }

  #receive(call: JoinCall): void {
    const id = ++this.#guestCount;
    const guest = new Guest(id, call, {
      token: this.#options.token,
      happened: (event) => this.#told(event),
      heard: (conn) => this.#heard.set(conn, this.#options.now()),
      lineTo: (peer) => this.#door?.lineTo(peer) ?? (() => {}),
    });
    this.#guests.set(id, guest);
    guest.gone.then(() => {
      this.#guests.delete(id);
      this.#heard.delete(id);
    });
  }

  readonly #status = (
    _call: ServerUnaryCall<TypeOf<typeof StatusRequest>, StatusReply>,
    reply: sendUnaryData<StatusReply>,
  ): void => reply(null, statusOf(this.#roll, this.#options.now()));

  #tick(lateMs: number): void {
    const heard = this.#heard;
    this.#heard = new Map();
    this.#happened({ on: 'tick', heard, lateMs });
  }

  /** At each tick to some of the members, so that a thousand beats are not written at once. */
  #beat(turn: number): void {
    const missing = this.#roll.stage === 'gathering' ? countMissing(this.#roll) : 0;
    const listed = missing > 0 ? missingRanks(this.#roll).slice(0, LIMIT.missingRanks) : [];
    const beat = { seq: Math.ceil((turn + 1) / TICKS_PER_BEAT), missing, missingRanks: listed };
    for (const [id, guest] of this.#guests) if (id % TICKS_PER_BEAT === turn % TICKS_PER_BEAT) guest.beat(beat);
  }

  #happened(event: Event): void {
    if (this.#handedOver) return;
    const before = this.#roll;
    const step = reduce(before, event, this.#options.now());
    this.#roll = step.roll;
    this.#perform(step.effects);
    this.#settle();
    const { onNews } = this.#options;
    if (onNews) for (const news of newsOf(before, step, event)) onNews(news);
  }

  /** What a stream brings. That a server or engine has ended may be the consequence of another one's end. */
  #told(event: Event): void {
    if (event.on === 'closed') this.#inquiry.gone(event.conn);
    if (event.on === 'leave' && this.#roll.stage === 'started' && !this.#roll.ending) {
      const place = this.#roll.places.of(event.conn);
      const ending = { ...event.ending, culprit: event.ending.culprit ?? place?.hello.member };
      if (place && this.#inquiry.isFor(ending)) {
        this.#inquiry.hear({ rank: place.rank, ending }, event.conn);
        return;
      }
    }
    this.#happened(event);
  }

  #settle(): void {
    const there = (waiter: Waiter) => reached(this.#roll, waiter.phase);
    for (const { done } of this.#waiters.filter(there)) done.resolve();
    this.#waiters = this.#waiters.filter((waiter) => !there(waiter));
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.do === 'send') this.#guests.get(effect.to)?.send(effect.message);
      if (effect.do === 'close') this.#guests.get(effect.conn)?.end();
      if (effect.do === 'log') this.#options.log[effect.level](effect.message);
      if (effect.do === 'assembled') this.#assembled.resolve(effect.peers);
      if (effect.do === 'ended') this.#end(effect.ending);
    }
  }

  #end(ending: Ending): void {
    this.#health.set(false);
    this.#assembled.reject(errorOf(ending));
    for (const { done } of this.#waiters.splice(0)) done.reject(errorOf(ending));
    this.#ended.resolve(ending);
  }
}
