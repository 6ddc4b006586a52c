/** What hooks look up and keep (`context.cached`): of many who want the same one makes it, and the others wait for it. */
import { createHash } from 'node:crypto';
import type { CacheOutcome } from './keeper.ts';
import type { Store } from './store.ts';

/** Who waits longer for another's work does it too: two that wait for each other must not stay so. Milliseconds. */
const SHARE_MS = 5_000;

type Made = Uint8Array | undefined;

export class Lookups {
  readonly #store: Store;
  readonly #meter: (outcome: CacheOutcome) => void;
  readonly #making = new Map<string, PromiseWithResolvers<Made>>();

  constructor(store: Store, meter: (outcome: CacheOutcome) => void) {
    this.#store = store;
    this.#meter = meter;
  }

  /** The bytes of `key`; undefined: who asks makes them, and says so by `made`. */
  async get(key: string, own: Set<string>): Promise<Made> {
    const until = performance.now() + SHARE_MS;
    for (let outcome: CacheOutcome = 'hit'; ; outcome = 'shared') {
      const kept = await this.#store.get(key);
      if (kept) {
        this.#meter(outcome);
        return kept;
      }
      const making = this.#making.get(key);
      const leftMs = until - performance.now();
      if (!making || leftMs <= 0) return this.#make(key, own);
      const made = await within(making.promise, leftMs);
      if (made === undefined) continue; // it came to nothing, or is late
      this.#meter('shared');
      return made;
    }
  }

  /** @param bytes undefined: it came to nothing */
  async made(key: string, bytes: Made, ttlMs: number): Promise<void> {
    this.#making.get(key)?.resolve(bytes);
    this.#making.delete(key);
    if (bytes) await this.#store.set(key, bytes, ttlMs);
  }

  #make(key: string, own: Set<string>): undefined {
    this.#meter('miss');
    own.add(key);
    if (!this.#making.has(key)) this.#making.set(key, Promise.withResolvers());
  }
}

async function within(work: Promise<Made>, limitMs: number): Promise<Made> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const late = setTimeout(() => resolve(undefined), limitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(late);
  }
}

/** One job's part: what it began to make is given up with it, so that nobody waits for a thread that is no more. */
export class LookupDesk {
  readonly #lookups: Lookups;
  readonly #owner: string;
  readonly #own = new Set<string>();
  #closed = false;

  /** @param owner what tells the keys of one transform from those of another */
  constructor(lookups: Lookups, owner: string) {
    this.#lookups = lookups;
    this.#owner = owner;
  }

  async get(key: string): Promise<Made> {
    const bytes = await this.#lookups.get(this.#named(key), this.#own);
    if (this.#closed) this.close(); // who asked is no more, and others would wait for it
    return bytes;
  }

  async made(key: string, bytes: Made, ttlMs: number): Promise<void> {
    const named = this.#named(key);
    this.#own.delete(named);
    await this.#lookups.made(named, bytes, ttlMs);
  }

  close(): void {
    this.#closed = true;
    for (const key of this.#own) void this.#lookups.made(key, undefined, 0);
    this.#own.clear();
  }

  #named(key: string): string {
    return createHash('sha256').update(`${this.#owner}\n${key}`).digest('base64url');
  }
}
