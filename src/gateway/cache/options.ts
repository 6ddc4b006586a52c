/** The options of `muster gateway` that keep answers and features; `../options.ts` has them among its own. */
export const CACHE_OPTIONS = {
  cache_models: {
    kind: 'list',
    default: [],
    describe: 'Models whose answers are kept: the same request from clients with the same rights is asked once; *: all',
  },
  cache_ttl_seconds: {
    kind: 'seconds',
    min: 0.001,
    max: 31_536_000,
    default: 60,
    describe: 'Seconds that an answer is kept',
  },
  cache_max_bytes: {
    kind: 'bytes',
    min: 1,
    max: 1_099_511_627_776,
    default: 256 * 2 ** 20,
    describe: 'Bytes of all answers kept in memory; of one answer kept in Redis',
  },
  cache_features: {
    kind: 'list',
    default: [],
    describe:
      'Transforms of --transform whose preprocess is asked once for the same request: tokenize, image, ./mine.mjs; *: all',
  },
  feature_ttl_seconds: {
    kind: 'seconds',
    min: 0.001,
    max: 31_536_000,
    default: 300,
    describe: 'Seconds that what a transform has made is kept',
  },
  feature_max_bytes: {
    kind: 'bytes',
    min: 1,
    max: 1_099_511_627_776,
    default: 64 * 2 ** 20,
    describe: 'Bytes of all features kept in memory, those that hooks look up among them; of one kept in Redis',
  },
  cache_redis: {
    kind: 'text',
    describe:
      'Keep answers and features in Redis: redis://host:6379/0. A password belongs in MUSTER_GATEWAY_CACHE_REDIS, not in a flag',
  },
} as const;
