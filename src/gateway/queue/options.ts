/** The options of `muster gateway` for requests that need no answer now; `../options.ts` has them among its own. */
export const QUEUE_OPTIONS = {
  queue_redis: {
    kind: 'text',
    describe:
      'Redis 6.2 or later for requests with "Prefer: respond-async": redis://host:6379/0. A password belongs in MUSTER_GATEWAY_QUEUE_REDIS, not in a flag',
  },
  queue_name: {
    kind: 'text',
    default: 'gateway',
    describe: 'Gateways of the same name share their jobs: any of them does what one of them took',
  },
  queue_concurrency: {
    kind: 'integer',
    min: 0,
    max: 10_000,
    default: 8,
    describe: 'Jobs that this gateway does at once, after all other requests; 0: it only takes them for others',
  },
  queue_max_jobs: {
    kind: 'integer',
    min: 1,
    max: 10_000_000,
    default: 10_000,
    describe: 'Jobs that are not done, of all gateways of the name; more get 429',
  },
  queue_max_bytes: {
    kind: 'bytes',
    min: 1,
    max: 268_435_456,
    default: 16 * 2 ** 20,
    describe: "Bytes of one job's request, and of its result",
  },
  queue_ttl_seconds: {
    kind: 'seconds',
    min: 1,
    max: 31_536_000,
    default: 3_600,
    describe: 'Seconds that a result is kept',
  },
  queue_attempts: {
    kind: 'integer',
    min: 1,
    max: 100,
    default: 3,
    describe: 'How often a job is begun when its gateway dies or the predictor cannot be reached; then it has failed',
  },
  queue_lease_seconds: {
    kind: 'seconds',
    min: 1,
    max: 3_600,
    default: 15,
    describe: 'Seconds of silence after which the job of a gateway is done by another one',
  },
  queue_callback_hosts: {
    kind: 'list',
    default: [],
    describe:
      'Hosts that X-Callback-Url may name: names, *.name, and networks (10.0.0.0/8) for addresses that are not public',
  },
  queue_callback_secret: {
    kind: 'text',
    describe:
      'What callbacks are signed with, 16 bytes at least. It belongs in MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET, and is refused as a flag',
  },
} as const;
