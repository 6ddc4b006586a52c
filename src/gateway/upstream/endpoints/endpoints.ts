/**
 * The addresses of one name: looked up again and again, each with a client and a circuit of its own. One that the name no
 * longer has gets no new calls and is closed when its last one has ended; while the name server is silent, or knows none,
 * the old ones stay.
 */
import type { Log } from '../../../log.ts';
import { type Address, formatAddress } from '../../../wire/address.ts';
import { bounded } from '../../bounded.ts';
import { Failure, failureOf } from '../../failure.ts';
import { type Call, leftMs, type Predictor } from '../../protocol/infer.ts';
import { choose, type Wish } from './choose.ts';
import { afterCall, atTime, type Circuit, onTrial } from './circuit.ts';
import { reached } from './failures.ts';
import { NameWatch } from './name-watch.ts';
import type { Resolve } from './resolve.ts';

export interface Endpoint {
  readonly address: string;
  readonly predictor: Predictor;
  circuit: Circuit;
  running: number;
  /** The name does not have it any more. */
  gone: boolean;
  /** When a call last met a server there. */
  reachedAt: number;
  due: NodeJS.Timeout | undefined;
}

export interface EndpointsOptions extends Address {
  readonly resolve: Resolve;
  readonly refreshMs: number;
  /** A client of one IP address; it does not dial before its first call. */
  readonly open: (host: string) => Predictor;
  readonly log: Log;
  /** A circuit opened. */
  readonly opened: () => void;
}

export interface EndpointState {
  readonly address: string;
  readonly state: Circuit['state'];
}

/** For a name server, when a request has failed already. */
const LOOK_PATIENCE_MS = 1_000;
const PROBE_MS = 3_000;
const NAMED = 8;

export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #name: NameWatch;
  readonly #closing = new AbortController();
  readonly #leaving = new Set<Endpoint>();
  #known: readonly Endpoint[] = [];
  #opening: Promise<void> | undefined;
  #unresolved: Failure | undefined;
  #turn = 0;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#name = new NameWatch({
      ...options,
      found: (hosts) => this.#adopt(hosts),
      failed: (error) => this.#unresolvedBy(error),
    });
    this.#opening = this.#first();
  }

  get states(): readonly EndpointState[] {
    return this.#known.map(({ address, circuit: { state } }) => ({ address, state }));
  }

  /**
   * Where the next call goes; the only address of a name whatever is thought of it, for many may stand behind it.
   *
   * @throws Failure 503 when the name has no address, or none that can be reached
   */
  async next(call: Call, wish: Omit<Wish, 'turn'>): Promise<Endpoint> {
    if (this.#known.length === 0 || this.#opening) await this.#waitForOne(call);
    const [only] = this.#known;
    if (only && this.#known.length === 1) return only;
    // A second try is nobody's turn: else, of two addresses, every first try would meet the bad one.
    if (wish.tried.size === 0) this.#turn += 1;
    const chosen = choose(this.#known, { ...wish, turn: this.#turn });
    if (!chosen) throw this.#allOpen();
    return chosen;
  }

  hasOther(tried: ReadonlySet<string>): boolean {
    return this.#known.some(
      ({ address, circuit }) => !tried.has(address) && (circuit.state !== 'open' || this.#known.length === 1),
    );
  }

  /** The same after a failure; the name is asked once more before the answer is no. */
  async other(call: Call, tried: ReadonlySet<string>): Promise<boolean> {
    const look = this.#name.lookSoon();
    if (this.hasOther(tried) || !look) return this.hasOther(tried);
    const lateMs = Math.min(leftMs(call), LOOK_PATIENCE_MS);
    // The failure that the call has had says more than a slow name server.
    await bounded(look, call, { lateMs, late: () => new Failure(504, 'no address in time') }).catch(() => {});
    return this.hasOther(tried);
  }

  enter(endpoint: Endpoint): void {
    endpoint.running += 1;
  }

  leave(endpoint: Endpoint): void {
    endpoint.running -= 1;
    if (endpoint.gone && endpoint.running === 0) this.#drop(endpoint);
  }

  /** How a call that began then ended. @param error undefined: it was answered */
  tell(endpoint: Endpoint, startedAt: number, error?: unknown): void {
    const met = error === undefined ? true : reached(error, performance.now() - startedAt);
    if (met !== undefined) this.#learn(endpoint, { reached: met, startedAt }, error);
  }

  close(): void {
    this.#closing.abort();
    this.#name.close();
    for (const endpoint of [...this.#known, ...this.#leaving]) this.#drop(endpoint);
    this.#known = [];
  }

  async #waitForOne(call: Call): Promise<void> {
    if (this.#closing.signal.aborted) throw this.#closed();
    const late = () => new Failure(504, `dns: no address for ${formatAddress(this.#options)} in time`);
    await bounded(this.#opening ?? this.#name.lookSoon() ?? Promise.resolve(), call, { lateMs: leftMs(call), late });
    if (this.#known.length === 0) throw this.#unresolved ?? this.#closed();
  }

  /** So that the first request finds out who answers, and does not have to try. */
  async #first(): Promise<void> {
    await this.#name.look();
    if (this.#known.length > 1) await Promise.any(this.#known.map((each) => this.#probe(each))).catch(() => {});
    this.#opening = undefined;
  }

  #unresolvedBy(error: unknown): void {
    const { host, port, log } = this.#options;
    const failure = failureOf(error, `the predictor ${formatAddress({ host, port })}`);
    if (!this.#unresolved) log.warn(`${failure.message}; ${this.#known.length} known addresses stay`);
    this.#unresolved = failure;
  }

  #adopt(hosts: readonly string[]): void {
    const { port, open } = this.#options;
    this.#unresolved = undefined;
    const before = new Map(this.#known.map((each) => [each.address, each]));
    const now = performance.now();
    this.#known = hosts.map((host) => {
      const address = formatAddress({ host, port });
      const known = before.get(address);
      before.delete(address);
      return known ?? opened(address, open(host), now);
    });
    for (const endpoint of before.values()) this.#retire(endpoint);
    if (this.#known.length === 1) return;
    for (const each of this.#known) if (this.#isSilent(each, now)) this.#probe(each).catch(() => {});
  }

  /** What nobody has heard of for a while is asked, so that no client has to find out. */
  #isSilent({ circuit, reachedAt }: Endpoint, now: number): boolean {
    if (this.#opening) return false; // asked already
    return circuit.state === 'trial' || (circuit.state === 'closed' && now - reachedAt >= this.#options.refreshMs);
  }

  #retire(endpoint: Endpoint): void {
    endpoint.gone = true;
    this.#leaving.add(endpoint);
    clearTimeout(endpoint.due);
    if (endpoint.running === 0) this.#drop(endpoint);
  }

  #drop(endpoint: Endpoint): void {
    endpoint.gone = true;
    clearTimeout(endpoint.due);
    this.#leaving.delete(endpoint);
    endpoint.predictor.close();
  }

  /** @throws when nobody answered there */
  async #probe(endpoint: Endpoint): Promise<void> {
    const startedAt = performance.now();
    const call = { deadlineAt: startedAt + PROBE_MS, signal: this.#closing.signal, headers: {} };
    try {
      await endpoint.predictor.live(call);
      this.#learn(endpoint, { reached: true, startedAt });
    } catch (error) {
      const met = reached(error, performance.now() - startedAt) ?? false;
      this.#learn(endpoint, { reached: met, startedAt }, error);
      if (!met) throw error;
    }
  }

  #learn(endpoint: Endpoint, seen: { readonly reached: boolean; readonly startedAt: number }, error?: unknown): void {
    const now = performance.now();
    if (seen.reached) endpoint.reachedAt = now;
    if (endpoint.gone || this.#closing.signal.aborted) return;
    const before = endpoint.circuit;
    endpoint.circuit = afterCall(before, { ...seen, now, dice: Math.random() });
    if (!seen.reached) void this.#name.lookSoon();
    if (endpoint.circuit.state === before.state) return;
    if (endpoint.circuit.state === 'open') this.#open(endpoint, error);
    else if (before.state === 'trial' && before.opens > 0) this.#options.log.info(`${endpoint.address} answers again`);
  }

  #open(endpoint: Endpoint, error: unknown): void {
    const { circuit, address } = endpoint;
    if (circuit.state !== 'open') return;
    this.#options.opened();
    if (circuit.opens === 1)
      this.#options.log.warn(`${address} gets no requests until it answers: ${(error as Error).message}`);
    this.#tryWhenDue(endpoint);
  }

  #tryWhenDue(endpoint: Endpoint): void {
    if (endpoint.circuit.state !== 'open') return;
    const pauseMs = Math.ceil(endpoint.circuit.dueAt - performance.now());
    endpoint.due = setTimeout(
      () => {
        endpoint.circuit = atTime(endpoint.circuit, performance.now());
        if (endpoint.circuit.state === 'trial') this.#probe(endpoint).catch(() => {});
        else this.#tryWhenDue(endpoint); // a timer may be early
      },
      Math.max(1, pauseMs),
    ).unref();
  }

  #allOpen(): Failure {
    const now = performance.now();
    const since = ({ address, circuit }: Endpoint) => `${address} since ${Math.round((now - circuit.since) / 1000)} s`;
    const named = this.#known.slice(0, NAMED).map(since).join(', ');
    const more = this.#known.length > NAMED ? ` and ${this.#known.length - NAMED} more` : '';
    const dueAt = Math.min(...this.#known.map(({ circuit }) => (circuit.state === 'open' ? circuit.dueAt : now)));
    return new Failure(503, `no address of ${formatAddress(this.#options)} can be reached: ${named}${more}`, {
      retryAfter: Math.max(1, Math.ceil((dueAt - now) / 1000)),
    });
  }

  #closed(): Failure {
    return new Failure(503, `the connection to ${formatAddress(this.#options)} was closed here`);
  }
}

const opened = (address: string, predictor: Predictor, now: number): Endpoint => ({
  address,
  predictor,
  circuit: onTrial(now),
  running: 0,
  gone: false,
  reachedAt: now,
  due: undefined,
});
