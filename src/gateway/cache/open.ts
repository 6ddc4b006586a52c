/** The cache that the settings ask for, around a predictor; the predictor itself when they ask for none. */
import type { Log } from '../../log.ts';
import type { Predictor } from '../protocol/infer.ts';
import { CachedPredictor, type CacheOutcome } from './cached.ts';
import { MemoryStore, type Store } from './store.ts';

export interface CacheSettings {
  readonly cache_models: readonly string[];
  readonly cache_ttl_seconds: number;
  readonly cache_max_bytes: number;
  readonly cache_redis: string | undefined;
}

export async function openCache(
  inner: Predictor,
  settings: CacheSettings,
  { meter, log }: { readonly meter: (outcome: CacheOutcome) => void; readonly log: Log },
): Promise<Predictor> {
  const models = new Set(settings.cache_models);
  if (models.size === 0) return inner;
  const keeps = (model: string) => models.has('*') || models.has(model);
  return new CachedPredictor({ inner, store: await openStore(settings, log), keeps, meter });
}

async function openStore(settings: CacheSettings, log: Log): Promise<Store> {
  const { cache_redis: url, cache_max_bytes: maxBytes, cache_ttl_seconds: ttl } = settings;
  if (url === undefined) return new MemoryStore({ maxBytes, ttlMs: ttl * 1000 });
  const { RedisStore } = await import('./redis-store.ts');
  return new RedisStore({ url, ttlMs: ttl * 1000, maxEntryBytes: maxBytes, log });
}
