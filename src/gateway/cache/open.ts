/** What the settings ask to keep, and where. */
import type { Log } from '../../log.ts';
import type { Predictor } from '../protocol/infer.ts';
import { CachedPredictor } from './cached.ts';
import type { CacheOutcome } from './keeper.ts';
import { MemoryStore, type Store } from './store.ts';

export interface CacheSettings {
  readonly cache_models: readonly string[];
  readonly cache_ttl_seconds: number;
  readonly cache_max_bytes: number;
  readonly cache_redis: string | undefined;
  readonly feature_ttl_seconds: number;
  readonly feature_max_bytes: number;
}

/** The predictor with the cache around it; itself when none is asked for. */
export async function openCache(
  inner: Predictor,
  settings: CacheSettings,
  { meter, log }: { readonly meter: (outcome: CacheOutcome) => void; readonly log: Log },
): Promise<Predictor> {
  const models = new Set(settings.cache_models);
  if (models.size === 0) return inner;
  const keeps = (model: string) => models.has('*') || models.has(model);
  const { cache_ttl_seconds: ttlSeconds, cache_max_bytes: maxBytes } = settings;
  const store = await openStore('answer', { ...settings, ttlSeconds, maxBytes }, log);
  return new CachedPredictor({ inner, store, keeps, meter });
}

/** Where hooks keep what they have looked up, and transforms what they have made. */
export function openFeatures(settings: CacheSettings, log: Log): Promise<Store> {
  const { feature_ttl_seconds: ttlSeconds, feature_max_bytes: maxBytes } = settings;
  return openStore('feature', { ...settings, ttlSeconds, maxBytes }, log);
}

interface StoreSettings extends Pick<CacheSettings, 'cache_redis'> {
  readonly ttlSeconds: number;
  readonly maxBytes: number;
}

async function openStore(kind: 'answer' | 'feature', settings: StoreSettings, log: Log): Promise<Store> {
  const { cache_redis: url, maxBytes, ttlSeconds } = settings;
  const ttlMs = ttlSeconds * 1000;
  if (url === undefined) return new MemoryStore({ maxBytes, ttlMs });
  const { RedisStore } = await import('./redis-store.ts');
  return new RedisStore({ kind, url, ttlMs, maxEntryBytes: maxBytes, log });
}
