/** Connections to Redis that come back by themselves, and commands that have an end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import type { Log } from '../../log.ts';
import { Failure } from '../failure.ts';

/** A client that speaks one command after the other, and two more for what waits. */
const CONNECT_MS = 2_000;
const RECONNECT_MS = 500;
/** A connection over which nothing comes for so long is cut; it is asked for a word three times before. */
const SILENT_MS = 15_000;
const PING_MS = 4_000;
const ANSWER_MS = 5_000;
/** Commands that may wait for an answer of Redis. */
const MAX_WAITING = 10_000;
/** One line about trouble in so many milliseconds. */
const QUIET_MS = 60_000;

/** Who asks knows what to do then. */
const EXPECTED = /^(NOGROUP|BUSYGROUP) /;

export type Argument = string | Buffer;

export class RedisLink {
  readonly #client;
  readonly #where: string;
  readonly #connected: Promise<void>;
  readonly #complain: (error: Error) => void;

  constructor(url: string, log: Log) {
    this.#where = new URL(url).host;
    this.#client = createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_WAITING,
      pingInterval: PING_MS,
      socket: { connectTimeout: CONNECT_MS, socketTimeout: SILENT_MS, reconnectStrategy: RECONNECT_MS },
    });
    let toldAt = Number.NEGATIVE_INFINITY;
    this.#complain = (error: Error) => {
      const now = performance.now();
      if (now - toldAt < QUIET_MS) return;
      toldAt = now;
      log.warn(`the queue at ${this.#where} cannot be asked: ${error.message}`);
    };
    this.#client.on('error', this.#complain);
    this.#connected = this.#client.connect().then(() => {}, this.#complain);
  }

  /** Connected for the first time, or so long has passed. */
  async connected(withinMs: number): Promise<void> {
    const late = new AbortController();
    const patience = sleep(withinMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([this.#connected, patience]);
    late.abort();
  }

  /**
   * The answer to one command, texts as strings; as buffers with `binary`.
   *
   * @throws Failure 503 when there is none in time, or Redis says no
   */
  async send<T>(args: readonly Argument[], how: { binary?: boolean; withinMs?: number } = {}): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const withinMs = how.withinMs ?? ANSWER_MS;
    const late = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
    const typeMapping = how.binary ? { [RESP_TYPES.BLOB_STRING]: Buffer } : {};
    const asked = this.#client.sendCommand<T>([...args], { typeMapping });
    try {
      return await Promise.race([asked, promise]);
    } catch (cause) {
      const why = (cause as Error).message;
      // No word of the connection says that Redis is a replica, or full, or wants a password.
      if (cause instanceof ErrorReply && !EXPECTED.test(why)) this.#complain(cause);
      throw new Failure(503, `the queue at ${this.#where} cannot be asked: ${why}`, { retryAfter: 1, cause });
    } finally {
      clearTimeout(late);
      asked.catch(() => {}); // an answer that comes too late is nobody's
    }
  }

  /** Hears a channel from now on, again after each loss of the connection. */
  hear(channel: string, heard: (message: string) => void): void {
    const subscribe = () => this.#client.subscribe(channel, heard).catch(() => {});
    if (this.#client.isReady) void subscribe();
    else this.#client.once('ready', subscribe);
  }

  close(): void {
    this.#client.removeAllListeners('ready');
    this.#client.destroy();
  }
}
