/**
 * Where answers and features are kept, as bytes. A store that fails is a store without the entry: it never costs a request.
 */
import { LRUCache } from 'lru-cache';

export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /** @param ttlMs in place of the store's own */
  set(key: string, bytes: Uint8Array, ttlMs?: number): Promise<void>;
  close(): void;
}

/** An entry's share of the budget beside its bytes: the key and its place. Bytes. */
const ENTRY_BYTES = 256;

export interface MemoryLimits {
  /** Of all entries together; the least recently used go. */
  readonly maxBytes: number;
  readonly ttlMs: number;
}

const wholeMs = (ms: number): number => Math.max(1, Math.round(ms));

/** In this process. */
export class MemoryStore implements Store {
  readonly #kept: LRUCache<string, Uint8Array>;

  constructor({ maxBytes, ttlMs }: MemoryLimits) {
    const sizeCalculation = ({ length }: Uint8Array) => length + ENTRY_BYTES;
    this.#kept = new LRUCache({ maxSize: maxBytes, ttl: wholeMs(ttlMs), sizeCalculation });
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#kept.get(key);
  }

  async set(key: string, bytes: Uint8Array, ttlMs?: number): Promise<void> {
    this.#kept.set(key, bytes, ttlMs === undefined ? {} : { ttl: wholeMs(ttlMs) });
  }

  close(): void {
    this.#kept.clear();
  }
}
