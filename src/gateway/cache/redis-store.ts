/** Answers in Redis: shared by all gateways of a model, and there after a restart. */
import { createClient, RESP_TYPES } from 'redis';
import type { Log } from '../../log.ts';
import type { InferResponse } from '../protocol/infer.ts';
import { fromBytes, toBytes } from './entry.ts';
import type { Store } from './store.ts';

/** Longer than this, and asking the model is as good. Milliseconds. */
const WAIT_MS = 500;
const RECONNECT_MS = 2_000;
/** Commands that may wait for an answer of Redis. */
const MAX_WAITING = 1_000;
/** One line about trouble in so many milliseconds. */
const QUIET_MS = 60_000;

export interface RedisOptions {
  /** redis://[user:password@]host[:port][/number], or rediss:// */
  readonly url: string;
  readonly ttlMs: number;
  /** An answer of more bytes is not kept. */
  readonly maxEntryBytes: number;
  readonly log: Log;
}

/** Connects in the background: the gateway serves with Redis down, without its answers. */
export class RedisStore implements Store {
  readonly #client;
  readonly #options: RedisOptions;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#client = createClient({
      url: options.url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_WAITING,
      socket: { connectTimeout: RECONNECT_MS, reconnectStrategy: RECONNECT_MS },
    }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    this.#client.on('error', (error: Error) => this.#complain(error));
    this.#client.connect().catch((error: Error) => this.#complain(error));
  }

  async get(key: string): Promise<InferResponse | undefined> {
    const bytes = await this.#within(this.#client.get(named(key)));
    return bytes === undefined || bytes === null ? undefined : fromBytes(bytes);
  }

  async set(key: string, response: InferResponse): Promise<void> {
    const bytes = toBytes(response);
    if (bytes.length > this.#options.maxEntryBytes) return;
    const expiration = { type: 'PX', value: Math.max(1, Math.round(this.#options.ttlMs)) } as const;
    await this.#within(this.#client.set(named(key), bytes, { expiration }));
  }

  close(): void {
    this.#client.destroy();
  }

  async #within<T>(asked: Promise<T>): Promise<T | undefined> {
    const { promise, reject } = Promise.withResolvers<never>();
    const late = setTimeout(() => reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS);
    try {
      return await Promise.race([asked, promise]);
    } catch (error) {
      this.#complain(error as Error);
      return undefined;
    } finally {
      clearTimeout(late);
      // An answer that comes too late is nobody's.
      asked.catch(() => {});
    }
  }

  #complain(error: Error): void {
    const now = performance.now();
    if (now - this.#complainedAt < QUIET_MS) return;
    this.#complainedAt = now;
    const { host } = new URL(this.#options.url);
    this.#options.log.warn(`the cache at ${host} cannot be asked (${error.message}); the model answers meanwhile`);
  }
}

const named = (key: string): string => `muster:answer:${key}`;
