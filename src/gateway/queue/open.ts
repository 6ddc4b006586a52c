/** The queue that the settings ask for; undefined when they ask for none. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { GatewayContext } from '../context.ts';
import { callbackHosts } from './callback-hosts.ts';
import { Queue } from './queue.ts';
import type { Worker } from './worker.ts';

/** So long a gateway waits for its Redis before it serves without. */
const PATIENCE_MS = 1_000;

/** A gateway serves, and is ready, while its Redis is away; it connects again and again. */
export async function openQueue(context: GatewayContext): Promise<Queue | undefined> {
  const { settings, log } = context;
  if (settings.queue_redis === undefined) return undefined;
  const [{ QueueSite }, { JobBook }, { JobClaims }, { Worker }] = await Promise.all([
    import('./site.ts'),
    import('./book.ts'),
    import('./claims.ts'),
    import('./worker.ts'),
  ]);
  const maxAttempts = settings.queue_attempts;
  const leaseMs = Math.round(settings.queue_lease_seconds * 1000); // Redis takes no part of one
  const ttlMs = settings.queue_ttl_seconds * 1000;
  const consumer = `${hostname()}-${randomBytes(6).toString('hex')}`;
  const site = new QueueSite({ url: settings.queue_redis, name: settings.queue_name, log });
  const book = new JobBook({ site, ttlMs, maxJobs: settings.queue_max_jobs });
  const claims = new JobClaims({ site, consumer, ttlMs, leaseMs, maxAttempts });
  await site.link.connected(PATIENCE_MS);
  const hosts = callbackHosts(settings.queue_callback_hosts);
  const secret = settings.queue_callback_secret;
  const worker: Worker = new Worker({
    ...{ context, book, claims, maxAttempts, leaseMs },
    concurrency: settings.queue_concurrency,
    maxBytes: settings.queue_max_bytes,
    callbacks: secret === undefined ? undefined : { hosts, secret },
  });
  return new Queue({ context, site, book, claims, worker, hosts });
}
