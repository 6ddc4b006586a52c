/** Answers and features in Redis: shared by all gateways of a model, and there after a restart. */
import { createClient, RESP_TYPES } from 'redis';
import type { Log } from '../../log.ts';
import type { Store } from './store.ts';

/** Longer than this, and asking the model is as good. Milliseconds. */
const WAIT_MS = 500;
const RECONNECT_MS = 2_000;
/** Commands that may wait for an answer of Redis. */
const MAX_WAITING = 1_000;
/** One line about trouble in so many milliseconds. */
const QUIET_MS = 60_000;

export interface RedisOptions {
  /** Keys begin with `muster:` and this, so that answers and features may share a Redis. */
  readonly kind: 'answer' | 'feature';
  /** redis://[user:password@]host[:port][/number], or rediss:// */
  readonly url: string;
  readonly ttlMs: number;
  /** An entry of more bytes is not kept. */
  readonly maxEntryBytes: number;
  readonly log: Log;
}

/** Connects in the background: the gateway serves with Redis down, without what is in it. */
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

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#within(this.#client.get(this.#named(key)))) ?? undefined;
  }

  async set(key: string, bytes: Uint8Array, ttlMs = this.#options.ttlMs): Promise<void> {
    if (bytes.length > this.#options.maxEntryBytes) return;
    const expiration = { type: 'PX', value: Math.max(1, Math.round(ttlMs)) } as const;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    await this.#within(this.#client.set(this.#named(key), buffer, { expiration }));
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
    this.#options.log.warn(`the cache at ${host} cannot be asked (${error.message}); nothing is kept meanwhile`);
  }

  #named(key: string): string {
    return `muster:${this.#options.kind}:${key}`;
  }
}
