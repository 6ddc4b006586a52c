/** Where answers are kept. A store that fails is a store without the answer: it never costs a request. */
import { LRUCache } from 'lru-cache';
import type { InferResponse } from '../protocol/infer.ts';

export interface Store {
  get(key: string): Promise<InferResponse | undefined>;
  set(key: string, response: InferResponse): Promise<void>;
  close(): void;
}

/** An entry's share of the budget beside its tensors: names, shapes, key. Bytes. */
const ENTRY_BYTES = 512;

export interface MemoryLimits {
  /** Of all answers together; the least recently used go. */
  readonly maxBytes: number;
  readonly ttlMs: number;
}

const sizeOf = ({ outputs }: InferResponse): number =>
  outputs.reduce((sum, { data }) => sum + data.length, ENTRY_BYTES);

/** In this process. */
export class MemoryStore implements Store {
  readonly #kept: LRUCache<string, InferResponse>;

  constructor({ maxBytes, ttlMs }: MemoryLimits) {
    this.#kept = new LRUCache({ maxSize: maxBytes, ttl: ttlMs, sizeCalculation: sizeOf });
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  async get(key: string): Promise<InferResponse | undefined> {
    return this.#kept.get(key);
  }

  async set(key: string, response: InferResponse): Promise<void> {
    // Of their own, for a view would keep the whole message of the predictor.
    const outputs = response.outputs.map((each) => ({ ...each, data: Uint8Array.from(each.data) }));
    this.#kept.set(key, { ...response, outputs });
  }

  close(): void {
    this.#kept.clear();
  }
}
